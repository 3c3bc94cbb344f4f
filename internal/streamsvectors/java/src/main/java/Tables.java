import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KGroupedTable;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.state.Stores;

/** Tables has aggregations without a window, of streams and of tables, and what tables do. */
final class Tables {
    private static final Serde<String> STRING = Serdes.String();
    private static final Serde<Long> LONG = Serdes.Long();
    private static final Consumed<String, String> CONSUMED = Consumed.with(STRING, STRING);

    private Tables() {}

    static List<Scenario> all() {
        List<Scenario> all = new ArrayList<>();
        for (String agg : List.of("count", "reduce", "aggregate")) {
            String value = agg.equals("count") ? "long" : "string";
            all.add(new Scenario(Scenario.params("op", "stream-aggregate", "agg", agg, "key", "string", "value", value),
                List.of(Inputs.Source.strings("in")), 10, Tables::aggregate));
            all.add(new Scenario(Scenario.params("op", "table-aggregate", "agg", agg, "key", "string", "value", value),
                List.of(Inputs.Source.table("in").kind("grouped")), 10, Tables::regroup));
        }
        all.add(new Scenario(Scenario.params("op", "to-table", "key", "string", "value", "string"),
            List.of(Inputs.Source.table("in")), 10, Tables::toTable));
        for (long history : new long[] {0, 20}) {
            all.add(new Scenario(Scenario.params("op", "versioned", "history", history, "key", "string", "value", "string"),
                List.of(Inputs.Source.table("in")), 10, Tables::versioned));
        }
        for (long limit : new long[] {0, 7, 25}) {
            all.add(new Scenario(Scenario.params("op", "until-time-limit", "limit", limit, "key", "string", "value", "string"),
                List.of(Inputs.Source.table("in")), 10, Tables::untilTimeLimit));
        }
        return all;
    }

    private static void aggregate(StreamsBuilder b, Map<String, Object> p) {
        var in = b.stream("in", CONSUMED).groupByKey(Grouped.with(STRING, STRING));
        switch ((String) p.get("agg")) {
            case "count" -> in.count(Materialized.with(STRING, LONG)).toStream().to(Scenario.OUT, Produced.with(STRING, LONG));
            case "reduce" -> in.reduce((x, y) -> x + "," + y).toStream().to(Scenario.OUT, Produced.with(STRING, STRING));
            default -> in.aggregate(() -> "", (k, v, so) -> so + k + v + ";", Materialized.with(STRING, STRING))
                .toStream().to(Scenario.OUT, Produced.with(STRING, STRING));
        }
    }

    /** The group is what stands before the bar; "-" is in none. What is added and taken away is noted in the aggregate. */
    private static void regroup(StreamsBuilder b, Map<String, Object> p) {
        KTable<String, String> table = b.table("in", CONSUMED);
        KGroupedTable<String, String> groups = table.groupBy((k, v) -> KeyValue.pair(Joins.foreign(v), k + v.substring(2)), Grouped.with(STRING, STRING));
        switch ((String) p.get("agg")) {
            case "count" -> groups.count(Materialized.with(STRING, LONG)).toStream().to(Scenario.OUT, Produced.with(STRING, LONG));
            case "reduce" -> groups.reduce((x, y) -> x + "+" + y, (x, y) -> x + "-" + y, Materialized.with(STRING, STRING))
                .toStream().to(Scenario.OUT, Produced.with(STRING, STRING));
            default -> groups.aggregate(() -> "", (k, v, so) -> so + "+" + v, (k, v, so) -> so + "-" + v, Materialized.with(STRING, STRING))
                .toStream().to(Scenario.OUT, Produced.with(STRING, STRING));
        }
    }

    private static void toTable(StreamsBuilder b, Map<String, Object> p) {
        b.stream("in", CONSUMED).toTable(Materialized.with(STRING, STRING)).toStream().to(Scenario.OUT, Produced.with(STRING, STRING));
    }

    private static void versioned(StreamsBuilder b, Map<String, Object> p) {
        b.table("in", CONSUMED, Materialized.<String, String>as(
                Stores.persistentVersionedKeyValueStore("versions", Duration.ofMillis((Long) p.get("history")))))
            .toStream().to(Scenario.OUT, Produced.with(STRING, STRING));
    }

    private static void untilTimeLimit(StreamsBuilder b, Map<String, Object> p) {
        b.table("in", CONSUMED)
            .suppress(Suppressed.untilTimeLimit(Duration.ofMillis((Long) p.get("limit")), Suppressed.BufferConfig.unbounded()))
            .toStream().to(Scenario.OUT, Produced.with(STRING, STRING));
    }
}
