import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.EmitStrategy;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KGroupedStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.SessionWindowedKStream;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.SlidingWindows;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.kstream.TimeWindowedKStream;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.kstream.WindowedSerdes;
import org.apache.kafka.streams.state.SessionStore;
import org.apache.kafka.streams.state.WindowStore;

/** Windows has the windowed aggregations. */
final class Windows {
    private static final Serde<String> STRING = Serdes.String();
    private static final Serde<Long> LONG = Serdes.Long();

    private Windows() {}

    static List<Scenario> all() {
        List<Scenario> all = new ArrayList<>();
        for (String emit : List.of("update", "close", "suppress")) {
            for (String agg : List.of("count", "sum", "reduce", "aggregate")) {
                add(all, "tumbling", agg, emit, 10, 0, agg.equals("sum") ? 0 : 7);
                add(all, "hopping", agg, emit, 10, agg.equals("sum") ? 5 : 3, agg.equals("reduce") ? 0 : 12);
                if (!emit.equals("suppress")) { // which emits windows that include their end a millisecond too early, and then again
                    add(all, "sliding", agg, emit, 10, 0, agg.equals("count") ? 0 : 8);
                    add(all, "session", agg, emit, 6, 0, agg.equals("aggregate") ? 0 : 9);
                }
            }
        }
        return all;
    }

    private static void add(List<Scenario> all, String op, String agg, String emit, long size, long advance, long grace) {
        String values = agg.equals("sum") ? "long" : "string";
        all.add(new Scenario(
            Scenario.params("op", op, "agg", agg, "emit", emit, "size", size, "advance", advance, "grace", grace,
                "key", op.equals("session") ? "session" : "time", "value", agg.equals("count") ? "long" : values),
            // Records without a value are dropped by sliding windows only; the others aggregate the null.
            List.of(new Inputs.Source("in", values, op.equals("sliding"))), size, Windows::build));
    }

    private static void build(StreamsBuilder b, Map<String, Object> p) {
        if (p.get("agg").equals("sum")) {
            grouped(b.stream("in", Consumed.with(STRING, LONG)).groupByKey(Grouped.with(STRING, LONG)), LONG, Long::sum, p);
        } else {
            grouped(b.stream("in", Consumed.with(STRING, STRING)).groupByKey(Grouped.with(STRING, STRING)), STRING, (x, y) -> x + "," + y, p);
        }
    }

    /** The aggregation without an own initial value is the reduction by the operation; strings show the order. */
    private static <V> void grouped(KGroupedStream<String, V> in, Serde<V> values,
        org.apache.kafka.streams.kstream.Reducer<V> op, Map<String, Object> p) {
        if (p.get("op").equals("session")) {
            sessions(in, values, op, p);
            return;
        }
        long size = (Long) p.get("size");
        Duration length = Duration.ofMillis(size);
        Duration grace = Duration.ofMillis((Long) p.get("grace"));
        TimeWindowedKStream<String, V> w = switch ((String) p.get("op")) {
            case "tumbling" -> in.windowedBy(TimeWindows.ofSizeAndGrace(length, grace));
            case "hopping" -> in.windowedBy(TimeWindows.ofSizeAndGrace(length, grace).advanceBy(Duration.ofMillis((Long) p.get("advance"))));
            default -> in.windowedBy(SlidingWindows.ofTimeDifferenceAndGrace(length, grace));
        };
        if (p.get("emit").equals("close")) {
            w = w.emitStrategy(EmitStrategy.onWindowClose());
        }
        Serde<Windowed<String>> keys = WindowedSerdes.timeWindowedSerdeFrom(String.class, size);
        switch ((String) p.get("agg")) {
            case "count" -> out(w.count(kept(Materialized.<String, Long, WindowStore<Bytes, byte[]>>with(STRING, LONG), p)), keys, LONG, p);
            case "aggregate" -> out(w.aggregate(() -> "", (k, v, so) -> so + k + v + ";",
                kept(Materialized.<String, String, WindowStore<Bytes, byte[]>>with(STRING, STRING), p)), keys, STRING, p);
            default -> out(w.reduce(op, kept(Materialized.<String, V, WindowStore<Bytes, byte[]>>with(STRING, values), p)), keys, values, p);
        }
    }

    /**
     * By default a store keeps windows for their size and grace, and what is emitted on close is read from it: when
     * stream time goes on by more than to the very end of a window's grace, the window is lost, and never emitted.
     */
    private static <V> Materialized<String, V, WindowStore<Bytes, byte[]>> kept(
        Materialized<String, V, WindowStore<Bytes, byte[]>> m, Map<String, Object> p) {
        return p.get("emit").equals("close") ? m.withRetention(Duration.ofDays(1)) : m;
    }

    private static <V> void sessions(KGroupedStream<String, V> in, Serde<V> values,
        org.apache.kafka.streams.kstream.Reducer<V> op, Map<String, Object> p) {
        SessionWindowedKStream<String, V> w = in.windowedBy(SessionWindows.ofInactivityGapAndGrace(
            Duration.ofMillis((Long) p.get("size")), Duration.ofMillis((Long) p.get("grace"))));
        if (p.get("emit").equals("close")) {
            w = w.emitStrategy(EmitStrategy.onWindowClose());
        }
        Serde<Windowed<String>> keys = WindowedSerdes.sessionWindowedSerdeFrom(String.class);
        switch ((String) p.get("agg")) {
            case "count" -> out(w.count(open(Materialized.with(STRING, LONG), p)), keys, LONG, p);
            case "aggregate" -> out(w.aggregate(() -> "", (k, v, so) -> so + k + v + ";", (k, x, y) -> x + y,
                open(Materialized.with(STRING, STRING), p)), keys, STRING, p);
            default -> out(w.reduce(op, open(Materialized.with(STRING, values), p)), keys, values, p);
        }
    }

    /**
     * By default a store keeps sessions for their gap and grace, a millisecond less than they are open for: in the last
     * one a record is added to no session, and is not late.
     */
    private static <V> Materialized<String, V, SessionStore<Bytes, byte[]>> open(
        Materialized<String, V, SessionStore<Bytes, byte[]>> m, Map<String, Object> p) {
        return m.withRetention(Duration.ofMillis((Long) p.get("size") + (Long) p.get("grace") + 1));
    }

    private static <V> void out(KTable<Windowed<String>, V> t, Serde<Windowed<String>> keys, Serde<V> values, Map<String, Object> p) {
        if (p.get("emit").equals("suppress")) {
            t = t.suppress(Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded()));
        }
        t.toStream().to(Scenario.OUT, Produced.with(keys, values));
    }
}
