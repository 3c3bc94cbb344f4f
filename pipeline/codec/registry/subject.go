package registry

// Subject returns the name under which a schema is kept in the registry, from
// the full name of the record that it describes.
type Subject func(record string) string

// TopicValue names subjects after the topic, for values: "orders-value". It is
// what Confluent's TopicNameStrategy does, the default there. All values of
// the topic have schemas that follow each other.
func TopicValue(topic string) Subject { return func(string) string { return topic + "-value" } }

// TopicKey is TopicValue for keys: "orders-key".
func TopicKey(topic string) Subject { return func(string) string { return topic + "-key" } }

// RecordName names subjects after the record, such as "com.example.Order",
// whatever topics it is in: Confluent's RecordNameStrategy. The name is the
// full one of an Avro record or a Protobuf message, and the title of a JSON
// Schema.
func RecordName() Subject { return func(record string) string { return record } }

// TopicRecordName names subjects after topic and record, such as
// "orders-com.example.Order": Confluent's TopicRecordNameStrategy, for topics
// with values of several types.
func TopicRecordName(topic string) Subject {
	return func(record string) string { return topic + "-" + record }
}
