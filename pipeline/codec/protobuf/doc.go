// Package protobuf has a codec for Protocol Buffers whose schemas are in a
// schema registry: see package registry for when that is asked, and what
// happens when it does not answer.
//
//	orders := pipeline.NewTopic("orders", protobuf.New[*shop.Order](reg, registry.TopicValue("orders")))
//
// The schema is that of the generated type: its file is registered as a
// descriptor, as Confluent's client for Python does it, and the files that it
// imports under their paths before it. Those of google/protobuf, google/type
// and confluent are known to registries.
//
// # Other versions of a schema
//
// A message is decoded into the program's own type by the numbers of its
// fields; fields that the type does not have are kept as unknown ones. The
// writer's schema says which message it is, and whether a field has changed
// to a type whose bytes mean something else: both are ErrIncompatible. It is
// asked for as a descriptor (format=serialized). A registry that gives source
// text nevertheless is believed.
//
// # Equal values, equal bytes
//
// Entries of maps are sorted, so one version of this program writes equal
// messages as equal bytes. Protocol Buffers promises this for one version of
// the library only: do not use messages as keys.
package protobuf
