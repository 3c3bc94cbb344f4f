// Package avro has a codec for Avro whose schemas are in a schema registry: see
// package registry for when that is asked, and what happens when it does not
// answer.
//
//	type Order struct {
//		ID    string `avro:"id"`
//		Cents int64  `avro:"cents"`
//	}
//
//	orders := pipeline.NewTopic("orders", avro.New[Order](reg, registry.TopicValue("orders"), `{
//		"type": "record", "name": "Order", "namespace": "com.example",
//		"fields": [{"name": "id", "type": "string"}, {"name": "cents", "type": "long", "default": 0}]}`))
//
// # Other versions of a schema
//
// Each value names the schema that it was written with. What is decoded
// follows the program's own, by Avro's rules of schema resolution: a field
// that the writer did not have gets its default, one that the reader does not
// have is skipped, a field with an alias is found under its old name, an int
// becomes a long. Where these rules have no answer, the two are
// ErrIncompatible: a service does not start if that is so of the newest schema
// of a topic that it reads, and a record with another such schema fails.
//
// # Equal values, equal bytes
//
// Avro leaves the order of a map's entries open. Here they are sorted by key,
// so that equal values have equal bytes: keys and stores need that.
//
// The codec is github.com/twmb/avro's, which says how Go types stand for those
// of Avro.
package avro
