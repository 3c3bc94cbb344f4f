package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/internal/transport/peers"
)

// The user data of a subscription and of an assignment, as unsigned varints but
// for the first byte:
//
//	subscription: version 1 | standbys wanted | n | n times: number, position<<1 | running
//	              [ | length, address | token, 16 bytes | length, transactional id ]
//	assignment:   version 1 | n | n times: number
//
// Numbers are of partitions, in ascending order. What is in brackets is there if
// the member can be watched; see package peers. Of a newer version nothing is
// read: the member counts as one without standbys. Further bytes are not read.
const userDataVersion = 1

// maxUserData bounds the entries that are read, and a number of standbys.
const maxUserData = 1 << 17

var errUserData = errors.New("malformed user data")

// subscriptionData is what a member tells the leader of the group.
func subscriptionData(standbys int, held map[int32]transport.Held) []byte {
	b := []byte{userDataVersion}
	b = binary.AppendUvarint(b, uint64(standbys))
	b = binary.AppendUvarint(b, uint64(len(held)))
	for _, number := range slices.Sorted(maps.Keys(held)) {
		h := held[number]
		state := uint64(max(0, h.Position)) << 1
		if h.Running {
			state |= 1
		}
		b = binary.AppendUvarint(b, uint64(number))
		b = binary.AppendUvarint(b, state)
	}
	return b
}

// readSubscriptionData is the other way round. Without user data, and for that
// of a newer version, all is zero.
func readSubscriptionData(b []byte) (standbys int, held map[int32]transport.Held, err error) {
	if len(b) == 0 || b[0] != userDataVersion {
		return 0, nil, nil
	}
	r := varints{b: b[1:]}
	standbys = int(r.next(maxUserData))
	held = map[int32]transport.Held{}
	for range r.next(maxUserData) {
		number, state := r.next(math.MaxInt32), r.next(math.MaxUint64)
		if r.err != nil {
			break
		}
		held[int32(number)] = transport.Held{Position: int64(state >> 1), Running: state&1 == 1}
	}
	if r.err != nil {
		return 0, nil, fmt.Errorf("subscription: %w", r.err)
	}
	return standbys, held, nil
}

// watched is what a member tells of itself so that others watch it.
type watched struct {
	peers.Peer
	transactional string // its transactional id, if it has one
}

// maxAddress bounds an address and a transactional id.
const maxAddress = 1 << 10

// append adds it to a subscription.
func (w watched) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(w.Address)))
	b = append(b, w.Address...)
	b = append(b, w.Token[:]...)
	b = binary.AppendUvarint(b, uint64(len(w.transactional)))
	return append(b, w.transactional...)
}

// readWatched finds it in a subscription. It is zero if there is none.
func readWatched(b []byte) (w watched, err error) {
	if len(b) == 0 || b[0] != userDataVersion {
		return watched{}, nil
	}
	r := varints{b: b[1:]}
	r.next(maxUserData)
	for range r.next(maxUserData) {
		r.next(math.MaxInt32)
		if r.next(math.MaxUint64); r.err != nil {
			break
		}
	}
	if r.err == nil && len(r.b) == 0 {
		return watched{}, nil
	}
	w.Address = string(r.bytes(r.next(maxAddress)))
	copy(w.Token[:], r.bytes(uint64(len(w.Token))))
	w.transactional = string(r.bytes(r.next(maxAddress)))
	if r.err != nil {
		return watched{}, fmt.Errorf("subscription: %w", r.err)
	}
	return w, nil
}

// assignmentData is what the leader tells a member.
func assignmentData(numbers []int32) []byte {
	b := []byte{userDataVersion}
	b = binary.AppendUvarint(b, uint64(len(numbers)))
	for _, number := range numbers {
		b = binary.AppendUvarint(b, uint64(number))
	}
	return b
}

// readAssignmentData is the other way round.
func readAssignmentData(b []byte) (numbers []int32, err error) {
	if len(b) == 0 || b[0] != userDataVersion {
		return nil, nil
	}
	r := varints{b: b[1:]}
	for range r.next(maxUserData) {
		number := r.next(math.MaxInt32)
		if r.err != nil {
			break
		}
		numbers = append(numbers, int32(number))
	}
	if r.err != nil {
		return nil, fmt.Errorf("assignment: %w", r.err)
	}
	return numbers, nil
}

// assignmentOf reads the user data of a member's assignment.
func assignmentOf(b []byte) ([]int32, error) {
	var a kmsg.ConsumerMemberAssignment
	if err := a.ReadFrom(b); err != nil {
		return nil, fmt.Errorf("assignment: %w", err)
	}
	return readAssignmentData(a.UserData)
}

// varints reads numbers until one is missing or too large.
type varints struct {
	b   []byte
	err error
}

func (r *varints) next(most uint64) uint64 {
	if r.err != nil {
		return 0
	}
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > most {
		r.err = errUserData
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *varints) bytes(n uint64) []byte {
	if r.err == nil && n > uint64(len(r.b)) {
		r.err = errUserData
	}
	if r.err != nil {
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}
