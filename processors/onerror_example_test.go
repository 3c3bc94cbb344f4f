package processors_test

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/processors"
)

// A ready operator gets a policy as any processor does.
func ExampleMap_onError() {
	numbers := pipeline.NewTopic("numbers", codec.Int64())
	failed := pipeline.NewTopic("words.failed", codec.Bytes(), pipeline.Retention(30*24*time.Hour))

	busy := 2 // the service outside answers at the third time
	parse := processors.Map("parse", words, numbers, func(_ *pipeline.Context, w string) (int64, error) {
		if busy > 0 {
			busy--
			return 0, errors.New("the service is busy")
		}
		n, err := strconv.ParseInt(w, 10, 64)
		return n, pipeline.Permanent(err) // it will be no number the next time either
	}).OnError(pipeline.Retry(5, pipeline.Backoff{Min: time.Millisecond}).Then(pipeline.DeadLetter(failed)))

	topology := pipeline.New("app").From(words).Add(parse).To(numbers, failed)
	pipelinetest.Example(topology, func(d *pipelinetest.Driver) {
		d.Send(words.Record("a", "12"), words.Record("b", "twelve"))
		for _, m := range pipelinetest.Read(d, numbers) {
			fmt.Println(m.Key, m.Value)
		}
		for _, m := range pipelinetest.Read(d, failed) {
			fmt.Printf("%s %s\n", m.Key, m.Value)
			for _, h := range m.Headers {
				if h.Name == pipeline.HeaderError || h.Name == pipeline.HeaderAttempts {
					fmt.Printf("  %s: %s\n", h.Name, h.Value)
				}
			}
		}
	})
	// Output:
	// a 12
	// b twelve
	//   millrace.dead-letter.error: strconv.ParseInt: parsing "twelve": invalid syntax
	//   millrace.dead-letter.attempts: 1
}
