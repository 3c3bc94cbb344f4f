package stages

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/latent"
	"github.com/millrace/millrace/apps/rss-articles/internal/match"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
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
// articles. There is a training for each quarter more articles at first and one in
// 1,024 later. It goes in steps of bounded work, less than a second of one busy core
// each with all samples: one for each record that comes round the loop, and one with
// each article that comes meanwhile, which is handled by the model that there is.
// Readers cost nothing here.
//
// State: up to 4,096 samples, a model of up to 16,384 terms of 128 bytes, and as
// many terms of 164 bytes of the training.
func Relate(Options) *pipeline.Processor {
	p := pipeline.Process("relate").DeadLetters(topics.Failed)
	r := relater{
		progress: pipeline.State(p, pipeline.NewTable("relate.progress", codec.JSON[Progress]())),
		samples:  pipeline.Store(p, pipeline.NewTable("relate.samples", codec.JSON[Sample]())),
		slots:    pipeline.Store(p, pipeline.NewTable("relate.slots", codec.Int64())),
		model:    pipeline.Store(p, pipeline.NewTable("relate.model", codec.New("latent direction", encodeDirection, decodeDirection))),
		training: pipeline.Store(p, pipeline.NewTable("relate.training", codec.New("latent basis", encodeBasis, decodeBasis))),
		vectors:  pipeline.OutputTable(p, Vectors),
		later:    pipeline.Loop(p, codec.JSON[Step]()),
	}
	r.later.Handle(r.step)
	pipeline.Input(p, Samples, r.sample)
	return p
}

// samplesKey is the key of all samples.
const samplesKey = "all"

// Progress is how far the training is.
type Progress struct {
	Next    int64 `json:"next"`    // articles so far
	Trained int64 `json:"trained"` // articles when the last training began
	Samples int   `json:"samples"` // of these, those that it began with
	Step    int   `json:"step"`    // that is next, 0 if none is under way
}

// Step is a step of a training that is to be done.
type Step struct {
	Training int64 `json:"training"` // Progress.Trained
	Step     int   `json:"step"`
}

// The steps: after latent.Steps iterations the model, then the vectors of the
// samples, some at a time.
const (
	modelStep   = latent.Steps + 1
	firstVector = modelStep + 1
	atOnce      = 256 // samples, in a step
)

type relater struct {
	progress pipeline.Cell[Progress]
	samples  pipeline.KeyValue[Sample]           // by slot
	slots    pipeline.KeyValue[int64]            // by article
	model    pipeline.KeyValue[latent.Direction] // by term
	training pipeline.KeyValue[latent.Basis]     // by term
	vectors  pipeline.Out[latent.Vector]
	later    pipeline.Looped[Step]
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
	r.tell(ctx, r.known(ctx, s), s)
	// In a flood of articles the training keeps pace with them, and does not wait for the loop.
	r.progress.Set(ctx, r.advance(ctx, progress))
	return nil
}

// due says whether a training is to begin.
func (p Progress) due() bool {
	return p.Next >= p.Trained+min(max(p.Trained/4, minTraining), maxTraining)
}

// advance does the next step of a training, and begins one if that is due.
func (r relater) advance(ctx *pipeline.Context, p Progress) Progress {
	if p.Step > 0 {
		p = r.next(ctx, p)
	} else if p.due() {
		p = r.begin(ctx, p)
	}
	if p.Step > 0 || p.due() {
		r.later.Emit(ctx, samplesKey, Step{p.Trained, p.Step})
	}
	return p
}

// begin begins a training.
func (r relater) begin(ctx *pipeline.Context, p Progress) Progress {
	t := latent.Start(r.all(ctx))
	p.Trained, p.Samples = p.Next, t.Samples
	if len(t.Terms) > 0 {
		r.keep(ctx, t)
		p.Step = 1
	}
	return p
}

// step goes on with a training when nothing else does.
func (r relater) step(ctx *pipeline.Context, s Step) error {
	p, _ := r.progress.Get(ctx)
	if s.Step == p.Step && s.Training == p.Trained { // else it has been done
		r.progress.Set(ctx, r.advance(ctx, p))
	}
	return nil
}

// next does the next step of a training.
func (r relater) next(ctx *pipeline.Context, p Progress) Progress {
	switch {
	case p.Step < modelStep:
		r.keep(ctx, r.kept(ctx, p).Step(r.all(ctx)))
	case p.Step == modelStep:
		r.learn(ctx, r.kept(ctx, p))
	default:
		from := int64(p.Step-firstVector) * atOnce
		for _, s := range r.samples.Range(ctx, slotKey(from), slotKey(from+atOnce)) {
			r.tell(ctx, r.known(ctx, s), s)
		}
		if from += atOnce; from >= min(p.Next, MaxSamples) {
			p.Step = 0
			return p
		}
	}
	p.Step++
	return p
}

func (r relater) all(ctx *pipeline.Context) (terms []latent.Sample) {
	for _, s := range r.samples.Range(ctx, "", "") {
		terms = append(terms, s.Terms)
	}
	return terms
}

// kept is the training that is under way, keep stores it.
func (r relater) kept(ctx *pipeline.Context, p Progress) latent.Training {
	t := latent.Training{Samples: p.Samples, Terms: map[string]latent.Basis{}}
	for term, b := range r.training.Range(ctx, "", "") {
		t.Terms[term] = b
	}
	return t
}

func (r relater) keep(ctx *pipeline.Context, t latent.Training) {
	for term := range r.training.Range(ctx, "", "") {
		if _, ok := t.Terms[term]; !ok {
			r.training.Delete(ctx, term)
		}
	}
	for _, term := range slices.Sorted(maps.Keys(t.Terms)) {
		r.training.Set(ctx, term, t.Terms[term])
	}
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

// learn ends a training: its model is the one in use from now on.
func (r relater) learn(ctx *pipeline.Context, t latent.Training) {
	before := latent.Model{Terms: map[string]latent.Direction{}}
	for t, d := range r.model.Range(ctx, "", "") {
		before.Terms[t] = d
	}
	m := t.Model(r.all(ctx), before)
	for t := range before.Terms {
		if _, ok := m.Terms[t]; !ok {
			r.model.Delete(ctx, t)
		}
	}
	for _, t := range slices.Sorted(maps.Keys(m.Terms)) {
		r.model.Set(ctx, t, m.Terms[t])
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
func encodeBasis(b latent.Basis) ([]byte, error)         { return b.MarshalBinary() }
func decodeBasis(b []byte) (v latent.Basis, err error) {
	err = v.UnmarshalBinary(b)
	return v, err
}

func decodeDirection(b []byte) (d latent.Direction, err error) {
	err = d.UnmarshalBinary(b)
	return d, err
}
