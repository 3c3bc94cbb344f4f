package auction

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// Kind says what an event is.
type Kind byte

// The kinds of events. A Tick is none of NEXMark's: it only moves time on, at
// the end, so that all auctions close.
const (
	Person Kind = iota + 1
	Auction
	Bid
	Tick
)

// Event is a new person, an auction or a bid.
type Event struct {
	Kind Kind
	Time int64 // ms since 1970
	ID   int64 // of the person or the auction; of a bid, that of its auction

	Seller, Category, Reserve, Expires int64 // of an auction; Expires in ms since 1970
	Bidder, Price                      int64 // of a bid

	Name, City, State string // of a person; of others Name is filling
}

// Key is the record's key: that of an auction is its bids' too, so that they are
// in one partition.
func (e Event) Key() string {
	if e.Kind == Person {
		return personKey(e.ID)
	}
	return number(e.ID)
}

func personKey(id int64) string { return "p" + number(id) }

func number(n int64) string { return strconv.FormatInt(n, 10) }

// headerSize is that of the kind and of six numbers.
const headerSize = 1 + 6*8

// Append encodes an event: the kind, then as eight bytes, big-endian, time, ID
// and four numbers, those of a bid bidder and price first; then the texts, with
// line feeds between.
func (e Event) Append(b []byte) []byte {
	numbers := [4]int64{e.Seller, e.Category, e.Reserve, e.Expires}
	if e.Kind == Bid {
		numbers = [4]int64{e.Bidder, e.Price}
	}
	b = append(b, byte(e.Kind))
	b = binary.BigEndian.AppendUint64(b, uint64(e.Time))
	b = binary.BigEndian.AppendUint64(b, uint64(e.ID))
	for _, n := range numbers {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	b = append(b, e.Name...)
	if e.Kind == Person {
		b = append(append(b, '\n'), e.City...)
		b = append(append(b, '\n'), e.State...)
	}
	return b
}

// Decode is the reverse of Append.
func Decode(b []byte) (e Event, err error) {
	if len(b) < headerSize || b[0] < byte(Person) || b[0] > byte(Tick) {
		return e, errors.New("not an event")
	}
	at := func(i int) int64 { return int64(binary.BigEndian.Uint64(b[1+8*i:])) }
	e = Event{Kind: Kind(b[0]), Time: at(0), ID: at(1), Name: string(b[headerSize:])}
	switch e.Kind {
	case Person:
		parts := strings.Split(e.Name, "\n")
		if len(parts) != 3 {
			return e, fmt.Errorf("a person of %d texts", len(parts))
		}
		e.Name, e.City, e.State = parts[0], parts[1], parts[2]
	case Bid:
		e.Bidder, e.Price = at(2), at(3)
	default:
		e.Seller, e.Category, e.Reserve, e.Expires = at(2), at(3), at(4), at(5)
	}
	return e, nil
}

// Codec is that of events.
func Codec() codec.Codec[Event] {
	return codec.NewAppend("nexmark event",
		func(b []byte, e Event) ([]byte, error) { return e.Append(b), nil }, Decode)
}

// Input is the topic of events, timed by what they say.
func Input(name string) pipeline.Topic[Event] {
	return pipeline.NewTopic(name, Codec()).TimedBy(func(e Event) (time.Time, error) { return time.UnixMilli(e.Time), nil })
}
