import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.function.BiConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.LongDeserializer;
import org.apache.kafka.common.serialization.LongSerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.test.TestRecord;

/**
 * Scenario is an operator with its parameters. Its topology reads the topics of the sources and writes to the topic
 * "out"; run gives it random records and notes what comes out after each.
 */
record Scenario(Map<String, Object> params, List<Inputs.Source> sources, long unit, Build build) {
    static final String OUT = "out";

    interface Build extends BiConsumer<StreamsBuilder, Map<String, Object>> {}

    /** params makes the parameters of a name with its value, and so on. */
    static Map<String, Object> params(Object... pairs) {
        Map<String, Object> m = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            m.put((String) pairs[i], pairs[i + 1]);
        }
        return m;
    }

    /** run returns the vector of random records. */
    Map<String, Object> run(long seed, int records, boolean nulls) {
        Map<String, Object> vector = new LinkedHashMap<>(params);
        vector.put("seed", seed);
        vector.put("nulls", nulls);
        List<Inputs.In> inputs = new Inputs(seed, unit).make(records, sources, nulls);
        if (params.containsKey("behind")) {
            inputs = Inputs.behind((String) params.get("behind"), inputs);
        }
        return run(vector, inputs);
    }

    /** run returns the vector of given records: parameters and steps. A step has its input, its outputs, and how many it dropped. */
    Map<String, Object> run(Map<String, Object> vector, List<Inputs.In> inputs) {
        List<Object> steps = new ArrayList<>();
        vector.put("steps", steps);
        StreamsBuilder b = new StreamsBuilder();
        build.accept(b, params);
        try (TopologyTestDriver driver = new TopologyTestDriver(b.build(config()), config())) {
            Map<String, TestInputTopic<String, Object>> topics = new HashMap<>();
            for (Inputs.Source s : sources) {
                @SuppressWarnings("unchecked")
                Serializer<Object> values = (Serializer<Object>) (Serializer<?>)
                    (s.kind().equals("long") ? new LongSerializer() : new StringSerializer());
                topics.put(s.topic(), driver.createInputTopic(s.topic(), new StringSerializer(), values));
            }
            TestOutputTopic<byte[], byte[]> out =
                driver.createOutputTopic(OUT, new ByteArrayDeserializer(), new ByteArrayDeserializer());
            double dropped = 0;
            for (Inputs.In in : inputs) {
                topics.get(in.topic()).pipeInput(in.key(), in.value(), in.time());
                Map<String, Object> step = new LinkedHashMap<>();
                step.put("i", list(in.topic(), in.key(), in.value(), in.time()));
                List<Object> outputs = new ArrayList<>();
                for (TestRecord<byte[], byte[]> r : out.readRecordsToList()) {
                    outputs.add(list(key(r.key()), value(r.value()), r.timestamp()));
                }
                if (!outputs.isEmpty()) {
                    step.put("o", outputs);
                }
                double d = dropped(driver);
                if (d > dropped) {
                    step.put("d", (long) (d - dropped));
                    dropped = d;
                }
                steps.add(step);
            }
        }
        return vector;
    }

    private static Properties config() {
        Properties p = new Properties();
        p.put(StreamsConfig.APPLICATION_ID_CONFIG, "vectors");
        p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:1");
        p.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        p.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        p.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0); // every update is seen
        // What closes is emitted by the record that closes it, and not when a second has gone by.
        p.put(StreamsConfig.InternalConfig.EMIT_INTERVAL_MS_KSTREAMS_WINDOWED_AGGREGATION, 0L);
        p.put(StreamsConfig.InternalConfig.EMIT_INTERVAL_MS_KSTREAMS_OUTER_JOIN_SPURIOUS_RESULTS_FIX, 0L);
        return p;
    }

    /** dropped counts what Kafka Streams has dropped, as late, expired, or without a key or value. */
    private static double dropped(TopologyTestDriver driver) {
        return driver.metrics().entrySet().stream()
            .filter(e -> e.getKey().name().equals("dropped-records-total"))
            .mapToDouble(e -> ((Number) e.getValue().metricValue()).doubleValue())
            .sum();
    }

    /** key is a windowed key's bytes, as hex: how Java has them is part of what is to be equal. */
    private Object key(byte[] b) {
        if (b == null) {
            return null;
        }
        return params.get("key").equals("string") ? new String(b, java.nio.charset.StandardCharsets.UTF_8) : HexFormat.of().formatHex(b);
    }

    private Object value(byte[] b) {
        if (b == null) {
            return null;
        }
        return params.get("value").equals("long") ? new LongDeserializer().deserialize(OUT, b) : new String(b, java.nio.charset.StandardCharsets.UTF_8);
    }

    private static List<Object> list(Object... values) {
        List<Object> l = new ArrayList<>();
        for (Object v : values) {
            l.add(v);
        }
        return l;
    }
}
