// Package jsonschema has a codec for JSON that follows a JSON Schema, with the
// schemas in a schema registry: see package registry for when that is asked,
// and what happens when it does not answer.
//
//	orders := pipeline.NewTopic("orders", jsonschema.New[Order](reg, registry.TopicValue("orders"), `{
//		"title": "Order", "type": "object", "required": ["id"],
//		"properties": {"id": {"type": "string"}, "cents": {"type": "integer", "minimum": 0}}}`))
//
// Values are encoded and decoded by encoding/json, so the tags and methods of
// that count; entries of maps are sorted. What is encoded or decoded must
// follow the program's schema, of any draft from 4 to 2020-12. A $ref must
// point into the schema itself: nothing is loaded, from files or the net.
//
// # Other versions of a schema
//
// JSON names its fields, so what another version wrote is decoded as it is, if
// it follows the program's schema. Defaults of a schema are not filled in; let
// the type's UnmarshalJSON do that. What can be seen of the writer's schema to
// be wrong is ErrIncompatible, at start too: another title, a property of
// another type, a property that is required here and not there. Whether a
// schema may follow another is else for the registry to say when it is
// registered.
package jsonschema
