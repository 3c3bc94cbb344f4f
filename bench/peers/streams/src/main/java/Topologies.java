import java.util.Map;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.processor.api.FixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorContext;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/** Topologies has one topology for each kind of workload. */
final class Topologies {
    private static final Serde<String> STRING = Serdes.String();
    private static final Serde<byte[]> BYTES = Serdes.ByteArray();
    private static final Serde<Long> LONG = Serdes.Long();

    private Topologies() {}

    static Topology of(String workload, Map<String, String> a) {
        if (workload.startsWith("nexmark-")) {
            return Nexmark.of(workload.substring("nexmark-".length()), a);
        }
        StreamsBuilder b = new StreamsBuilder();
        KStream<String, byte[]> in = b.stream(a.get("input"), Consumed.with(STRING, BYTES));
        String out = a.get("output");
        if (workload.startsWith("count-last")) {
            in.groupByKey().count(counts().withCachingEnabled()).toStream().to(out, Produced.with(STRING, LONG));
        } else if (workload.startsWith("count") || workload.startsWith("restore")) {
            in.groupByKey().count(counts().withCachingDisabled()).toStream().to(out, Produced.with(STRING, LONG));
        } else if (workload.equals("dedupe")) {
            b.addStateStore(Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("seen"), STRING, LONG).withCachingEnabled());
            in.processValues(() -> new Dedupe<byte[]>(), "seen").to(out, Produced.with(STRING, BYTES));
        } else if (workload.equals("join")) {
            KTable<String, byte[]> table = b.table(a.get("table"), Consumed.with(STRING, BYTES));
            in.join(table, Topologies::concat).to(out, Produced.with(STRING, BYTES));
        } else if (workload.equals("shuffle")) {
            b.addStateStore(Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("states"), STRING, BYTES).withCachingEnabled());
            in.<String, byte[]>flatMap((k, v) -> {
                var matched = new java.util.ArrayList<KeyValue<String, byte[]>>(2);
                Rules.match(v, i -> matched.add(KeyValue.pair(Integer.toString(i), v)));
                return matched;
            })
                .repartition(Repartitioned.with(STRING, BYTES).withNumberOfPartitions(Integer.parseInt(a.get("partitions"))).withName("matched"))
                .processValues(Consume::new, "states")
                .to(out, Produced.with(STRING, BYTES));
        } else {
            in.to(out, Produced.with(STRING, BYTES));
        }
        return b.build();
    }

    private static Materialized<String, Long, KeyValueStore<org.apache.kafka.common.utils.Bytes, byte[]>> counts() {
        return Materialized.<String, Long, KeyValueStore<org.apache.kafka.common.utils.Bytes, byte[]>>as("counts")
            .withKeySerde(STRING).withValueSerde(LONG);
    }

    private static byte[] concat(byte[] v, byte[] row) {
        byte[] both = java.util.Arrays.copyOf(v, v.length + row.length);
        System.arraycopy(row, 0, both, v.length, row.length);
        return both;
    }

    /** Dedupe passes on each key's first record. */
    static final class Dedupe<V> implements FixedKeyProcessor<String, V, V> {
        private FixedKeyProcessorContext<String, V> context;
        private KeyValueStore<String, Long> seen;

        @Override
        public void init(FixedKeyProcessorContext<String, V> context) {
            this.context = context;
            seen = context.getStateStore("seen");
        }

        @Override
        public void process(FixedKeyRecord<String, V> r) {
            if (seen.get(r.key()) == null) {
                seen.put(r.key(), r.timestamp());
                context.forward(r);
            }
        }
    }

    /** Consume is the second half of the shuffle: the state of each rule. */
    private static final class Consume implements FixedKeyProcessor<String, byte[], byte[]> {
        private FixedKeyProcessorContext<String, byte[]> context;
        private KeyValueStore<String, byte[]> states;

        @Override
        public void init(FixedKeyProcessorContext<String, byte[]> context) {
            this.context = context;
            states = context.getStateStore("states");
        }

        @Override
        public void process(FixedKeyRecord<String, byte[]> r) {
            byte[] state = Rules.fold(states.get(r.key()), r.value());
            states.put(r.key(), state);
            if (Rules.tenth(state)) {
                context.forward(r.withValue(state));
            }
        }
    }
}
