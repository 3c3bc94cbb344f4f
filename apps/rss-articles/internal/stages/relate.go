package stages

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/latent"
	"github.com/millrace/millrace/apps/rss-articles/internal/match"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// Bounds of what is learned from.
const (
	MaxSamples  = 4096 // articles, the newest
	minTraining = 64   // articles until the first training, and at least between two
	maxTraining = 1024 // articles at most between two
)

// Relate learns from the newest articles which terms go together (see package
// latent), and gives each article its vector, anew when the model is.
//
// The samples share one key, and thus one partition, since a model is of all
// articles. A training takes up to seconds of one core, in the handler: there is
// one for each quarter more articles at first and one in 1,024 later. Readers
// cost nothing here.
//
// State: up to 4,096 samples and a model of up to 16,384 terms of 128 bytes.
func Relate(Options) *pipeline.Processor {
	p := pipeline.Process("relate")
	r := relater{
		progress: pipeline.State(p, pipeline.NewTable("relate.progress", codec.JSON[Progress]())),
		samples:  pipeline.Store(p, pipeline.NewTable("relate.samples", codec.JSON[Sample]())),
		slots:    pipeline.Store(p, pipeline.NewTable("relate.slots", codec.Int64())),
		model:    pipeline.Store(p, pipeline.NewTable("relate.model", codec.New("latent direction", encodeDirection, decodeDirection))),
		vectors:  pipeline.OutputTable(p, Vectors),
	}
	pipeline.Input(p, Samples, r.sample)
	return p
}

// samplesKey is the key of all samples.
const samplesKey = "all"

// Progress is how far the training is.
type Progress struct {
	Next    int64 `json:"next"`    // articles so far
	Trained int64 `json:"trained"` // articles at the last training
}

type relater struct {
	progress pipeline.Cell[Progress]
	samples  pipeline.KeyValue[Sample]           // by slot
	slots    pipeline.KeyValue[int64]            // by article
	model    pipeline.KeyValue[latent.Direction] // by term
	vectors  pipeline.Out[latent.Vector]
}

func (r relater) sample(ctx *pipeline.Context, s Sample) error {
	slot, known := r.slots.Get(ctx, s.Article)
	if s.Gone {
		if known {
			r.samples.Delete(ctx, slotKey(slot))
			r.slots.Delete(ctx, s.Article)
		}
		r.vectors.Delete(ctx, s.Article)
		return nil
	}
	progress, _ := r.progress.Get(ctx)
	if !known {
		slot = progress.Next % MaxSamples
		if old, full := r.samples.Get(ctx, slotKey(slot)); full {
			r.slots.Delete(ctx, old.Article)
		}
		r.slots.Set(ctx, s.Article, slot)
		progress.Next++
	}
	r.samples.Set(ctx, slotKey(slot), s)
	if due := progress.Trained + min(max(progress.Trained/4, minTraining), maxTraining); progress.Next < due {
		r.tell(ctx, r.known(ctx, s), s)
	} else {
		r.train(ctx)
		progress.Trained = progress.Next
	}
	r.progress.Set(ctx, progress)
	return nil
}

// known is the part of the model that a sample needs.
func (r relater) known(ctx *pipeline.Context, s Sample) latent.Model {
	m := latent.Model{Terms: make(map[string]latent.Direction, len(s.Terms))}
	for t := range s.Terms {
		if d, ok := r.model.Get(ctx, t); ok {
			m.Terms[t] = d
		}
	}
	return m
}

func (r relater) train(ctx *pipeline.Context) {
	before := latent.Model{Terms: map[string]latent.Direction{}}
	for t, d := range r.model.Range(ctx, "", "") {
		before.Terms[t] = d
	}
	var all []Sample
	var terms []latent.Sample
	for _, s := range r.samples.Range(ctx, "", "") {
		all = append(all, s)
		terms = append(terms, s.Terms)
	}
	m := latent.Train(terms, before)
	for t := range before.Terms {
		if _, ok := m.Terms[t]; !ok {
			r.model.Delete(ctx, t)
		}
	}
	for _, t := range slices.Sorted(maps.Keys(m.Terms)) {
		r.model.Set(ctx, t, m.Terms[t])
	}
	for _, s := range all {
		r.tell(ctx, m, s)
	}
}

func (r relater) tell(ctx *pipeline.Context, m latent.Model, s Sample) {
	if v := m.Vector(s.Terms); len(v) > 0 {
		r.vectors.EmitAt(ctx, s.Article, v, s.At)
	}
}

func slotKey(n int64) string { return fmt.Sprintf("%08d", n) }

// sampleOf is what an article's terms are to the training.
func sampleOf(article string, terms []match.Term, at time.Time) Sample {
	s := Sample{Article: article, At: at, Terms: latent.Sample{}}
	for _, t := range terms {
		if match.IsWord(t.Key) {
			s.Terms[t.Key] = t.Value
		}
	}
	return s
}

func encodeDirection(d latent.Direction) ([]byte, error) { return d.MarshalBinary() }
func decodeDirection(b []byte) (d latent.Direction, err error) {
	err = d.UnmarshalBinary(b)
	return d, err
}
