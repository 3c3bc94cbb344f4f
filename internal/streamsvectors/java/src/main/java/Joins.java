import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.GlobalKTable;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.Joined;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.StreamJoined;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/** Joins has the joins of streams and tables. */
final class Joins {
    private static final Serde<String> STRING = Serdes.String();
    private static final Consumed<String, String> CONSUMED = Consumed.with(STRING, STRING);
    private static final Produced<String, String> PRODUCED = Produced.with(STRING, STRING);

    private Joins() {}

    static List<Scenario> all() {
        List<Scenario> all = new ArrayList<>();
        for (String type : List.of("inner", "left", "outer")) {
            // None is negative: records are kept for the sum of before and after, which is too short then.
            for (long[] w : new long[][] {{10, 10, 0}, {5, 20, 10}, {0, 10, 5}, {10, 0, 5}, {0, 0, 3}, {20, 5, 0}}) {
                all.add(new Scenario(
                    Scenario.params("op", "stream-stream", "type", type, "before", w[0], "after", w[1], "grace", w[2], "key", "string", "value", "string"),
                    List.of(Inputs.Source.strings("left"), Inputs.Source.strings("right")), 10, Joins::streams));
            }
            all.add(new Scenario(Scenario.params("op", "table-table", "type", type, "key", "string", "value", "string"),
                List.of(Inputs.Source.table("left"), Inputs.Source.table("right")), 10, Joins::tables));
        }
        for (String type : List.of("inner", "left")) {
            all.add(new Scenario(Scenario.params("op", "stream-table", "type", type, "key", "string", "value", "string"),
                List.of(Inputs.Source.strings("in"), Inputs.Source.table("table")), 10, Joins::streamTable));
            all.add(new Scenario(Scenario.params("op", "stream-global", "type", type, "key", "string", "value", "string"),
                List.of(Inputs.Source.strings("in").kind("foreign"), Inputs.Source.table("table").keyed().keys("x", "y", "z")), 10, Joins::streamGlobal));
            all.add(new Scenario(Scenario.params("op", "foreign-key", "type", type, "key", "string", "value", "string"),
                List.of(Inputs.Source.table("left").kind("foreign"), Inputs.Source.table("right").keys("x", "y", "z")), 10, Joins::foreignKey));
            for (long grace : new long[] {0, 15}) {
                Map<String, Object> p = Scenario.params("op", "stream-versioned", "type", type, "history", 30L, "grace", grace, "key", "string", "value", "string");
                if (grace > 0) { // what waits goes by the stream's time there, and by that of both elsewhere: here they are one
                    p.put("behind", "in");
                }
                all.add(new Scenario(p, List.of(Inputs.Source.strings("in").keyed(), Inputs.Source.table("table")), 10, Joins::streamVersioned));
            }
        }
        return all;
    }

    /**
     * deletions shows which deletions in a versioned table hold for what is older and comes later: of "a" there was
     * nothing, of "b" an older version, of "c" one of the same time, and of "d" one of the same time and an older one.
     */
    static Map<String, Object> deletions() {
        Map<String, Object> p = Scenario.params("op", "versioned-deletions", "type", "left", "history", 30L, "grace", 0L, "key", "string", "value", "string");
        List<Inputs.In> in = new ArrayList<>();
        in.add(new Inputs.In("table", "b", "b60", 60));
        in.add(new Inputs.In("table", "d", "d60", 60));
        in.add(new Inputs.In("table", "c", "c84", 84));
        in.add(new Inputs.In("table", "d", "d84", 84));
        for (String key : List.of("a", "b", "c", "d")) {
            in.add(new Inputs.In("table", key, null, 84));
            in.add(new Inputs.In("table", key, key + "100", 100));
            in.add(new Inputs.In("table", key, key + "72", 72));
            for (long at : new long[] {80, 84, 99, 100}) {
                in.add(new Inputs.In("in", key, "at" + at, at));
            }
        }
        return new Scenario(p, List.of(Inputs.Source.strings("in"), Inputs.Source.table("table")), 10, Joins::streamVersioned)
            .run(new LinkedHashMap<>(p), in);
    }

    private static String join(String a, String b) {
        return a + "+" + b;
    }

    private static void streams(StreamsBuilder b, Map<String, Object> p) {
        KStream<String, String> left = b.stream("left", CONSUMED);
        KStream<String, String> right = b.stream("right", CONSUMED);
        JoinWindows w = JoinWindows.ofTimeDifferenceAndGrace(Duration.ofMillis(20), Duration.ofMillis((Long) p.get("grace")))
            .before(Duration.ofMillis((Long) p.get("before"))).after(Duration.ofMillis((Long) p.get("after")));
        StreamJoined<String, String, String> with = StreamJoined.with(STRING, STRING, STRING);
        (switch ((String) p.get("type")) {
            case "inner" -> left.join(right, Joins::join, w, with);
            case "left" -> left.leftJoin(right, Joins::join, w, with);
            default -> left.outerJoin(right, Joins::join, w, with);
        }).to(Scenario.OUT, PRODUCED);
    }

    private static void tables(StreamsBuilder b, Map<String, Object> p) {
        KTable<String, String> left = b.table("left", CONSUMED);
        KTable<String, String> right = b.table("right", CONSUMED);
        // The result is a table of its own, so that the deletion of what never was is not emitted.
        Materialized<String, String, KeyValueStore<Bytes, byte[]>> as =
            Materialized.<String, String, KeyValueStore<Bytes, byte[]>>as("joined").withKeySerde(STRING).withValueSerde(STRING);
        (switch ((String) p.get("type")) {
            case "inner" -> left.join(right, Joins::join, as);
            case "left" -> left.leftJoin(right, Joins::join, as);
            default -> left.outerJoin(right, Joins::join, as);
        }).toStream().to(Scenario.OUT, PRODUCED);
    }

    private static void streamTable(StreamsBuilder b, Map<String, Object> p) {
        KStream<String, String> in = b.stream("in", CONSUMED);
        KTable<String, String> table = b.table("table", CONSUMED);
        (p.get("type").equals("inner") ? in.join(table, Joins::join) : in.leftJoin(table, Joins::join)).to(Scenario.OUT, PRODUCED);
    }

    private static void streamGlobal(StreamsBuilder b, Map<String, Object> p) {
        KStream<String, String> in = b.stream("in", CONSUMED);
        GlobalKTable<String, String> table = b.globalTable("table", CONSUMED);
        (p.get("type").equals("inner")
            ? in.join(table, (k, v) -> foreign(v), Joins::join)
            : in.leftJoin(table, (k, v) -> foreign(v), Joins::join)).to(Scenario.OUT, PRODUCED);
    }

    /** foreign is what stands before the bar: none for "-". */
    static String foreign(String value) {
        return value == null || value.startsWith("-") ? null : value.substring(0, value.indexOf('|'));
    }

    private static void foreignKey(StreamsBuilder b, Map<String, Object> p) {
        KTable<String, String> left = b.table("left", CONSUMED);
        KTable<String, String> right = b.table("right", CONSUMED);
        (p.get("type").equals("inner")
            ? left.join(right, Joins::foreign, Joins::join, Materialized.with(STRING, STRING))
            : left.leftJoin(right, Joins::foreign, Joins::join, Materialized.with(STRING, STRING))).toStream().to(Scenario.OUT, PRODUCED);
    }

    private static void streamVersioned(StreamsBuilder b, Map<String, Object> p) {
        KStream<String, String> in = b.stream("in", CONSUMED);
        KTable<String, String> table = b.table("table", CONSUMED, Materialized.<String, String>as(
            Stores.persistentVersionedKeyValueStore("versions", Duration.ofMillis((Long) p.get("history")))));
        long grace = (Long) p.get("grace");
        Joined<String, String, String> with = Joined.<String, String, String>with(STRING, STRING, STRING)
            .withGracePeriod(grace == 0 ? null : Duration.ofMillis(grace));
        (p.get("type").equals("inner") ? in.join(table, Joins::join, with) : in.leftJoin(table, Joins::join, with)).to(Scenario.OUT, PRODUCED);
    }
}
