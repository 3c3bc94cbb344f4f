// Package registry is for codecs whose schemas are kept in a schema registry
// with Confluent's interface, such as Confluent's own, Karapace, Apicurio or
// Redpanda's. The codecs are in packages of their own, so that a program links
// those libraries that it uses:
//
//	pipeline/codec/avro        Avro
//	pipeline/codec/protobuf    Protocol Buffers
//	pipeline/codec/jsonschema  JSON, with JSON Schema
//
// A program makes one Registry and gives it to its codecs:
//
//	reg, err := registry.New(registry.Config{URLs: []string{"http://localhost:8081"}})
//	...
//	Orders := pipeline.NewTopic("orders", avro.New[Order](reg, registry.TopicValue("orders"), schema))
//
// # The bytes
//
// A value is what the serializers of Confluent write:
//
//	0            the magic byte
//	1 2 3 4      the id of the schema it was written with, big-endian
//	5 ...        of Protobuf only: which message of the schema; see AppendIndex
//	then         the payload
//
// # When the registry is asked
//
// At start a service checks the codecs of its topology (codec.Checker): schemas
// are registered or looked up, those that are there are read, and what does
// not fit is reported for all topics at once, before anything is processed.
// Later the registry is asked once for each schema that was not there at
// start, and its answer kept. So a registry that goes away later is missed by
// nobody until a schema comes that is new.
//
// # When it does not answer
//
// A record that needs it fails with ErrUnavailable, which pipeline.Retry
// retries; a record whose bytes are malformed fails with ErrFormat or
// ErrUnknownSchema, which it does not. Let the processor's policy be
//
//	pipeline.Retry(pipeline.Unlimited, pipeline.Backoff{}).Then(pipeline.DeadLetter(Failed))
//
// and an outage holds up a partition, while bad records are put aside. After a
// failure nobody asks for Config.RetryAfter, and an id that the registry does
// not know is asked for again only after Config.UnknownFor.
package registry
