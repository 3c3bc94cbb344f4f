import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Branched;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Repartitioned;

/** Stateless has what deals with records one by one. */
final class Stateless {
    private static final Serde<String> STRING = Serdes.String();
    private static final Consumed<String, String> CONSUMED = Consumed.with(STRING, STRING);
    private static final Produced<String, String> PRODUCED = Produced.with(STRING, STRING);

    private Stateless() {}

    static List<Scenario> all() {
        List<Inputs.Source> in = List.of(Inputs.Source.strings("in"));
        return List.of(
            scenario("map", in, b -> b.stream("in", CONSUMED).mapValues(v -> v == null ? "none" : v + "!")),
            scenario("filter", in, b -> b.stream("in", CONSUMED).filter((k, v) -> v == null || last(v) % 2 == 0)),
            scenario("flat-map", in, b -> b.stream("in", CONSUMED).flatMap((k, v) -> {
                List<KeyValue<String, String>> all = new ArrayList<>();
                for (int i = 0; v != null && i < last(v) % 3; i++) {
                    all.add(KeyValue.pair(v.substring(i), v + i));
                }
                return all;
            })),
            scenario("branch", in, b -> {
                KStream<String, String> stream = b.stream("in", CONSUMED);
                stream.split()
                    .branch((k, v) -> v != null && last(v) % 2 == 0, Branched.withConsumer(s -> s.mapValues(v -> "even " + v).to(Scenario.OUT, PRODUCED)))
                    .branch((k, v) -> v != null && last(v) > 3, Branched.withConsumer(s -> s.mapValues(v -> "more " + v).to(Scenario.OUT, PRODUCED)));
                return null;
            }),
            scenario("merge", List.of(Inputs.Source.strings("left"), Inputs.Source.strings("right")),
                b -> b.stream("left", CONSUMED).merge(b.stream("right", CONSUMED))),
            scenario("repartition", in, b -> b.stream("in", CONSUMED).selectKey((k, v) -> v == null ? "none" : "k" + last(v))
                .repartition(Repartitioned.with(STRING, STRING).withNumberOfPartitions(1))),
            scenario("to-stream", List.of(Inputs.Source.table("in")), b -> b.table("in", CONSUMED).toStream()));
    }

    private interface Stream {
        /** of returns the stream that comes out, or null if it was written already. */
        KStream<String, String> of(StreamsBuilder b);
    }

    private static Scenario scenario(String op, List<Inputs.Source> sources, Stream stream) {
        return new Scenario(Scenario.params("op", op, "key", "string", "value", "string"), sources, 10, (StreamsBuilder b, Map<String, Object> p) -> {
            KStream<String, String> out = stream.of(b);
            if (out != null) {
                out.to(Scenario.OUT, PRODUCED);
            }
        });
    }

    /** last is the last digit of a value. */
    private static int last(String v) {
        return v.charAt(v.length() - 1) - '0';
    }
}
