import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.kstream.SessionWindowedSerializer;
import org.apache.kafka.streams.kstream.TimeWindowedSerializer;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.kstream.internals.SessionWindow;
import org.apache.kafka.streams.kstream.internals.TimeWindow;
import org.apache.kafka.streams.kstream.internals.WindowedSerializer;
import org.apache.kafka.streams.kstream.internals.WindowedStreamPartitioner;

/** Main runs every scenario on Kafka Streams and writes the vectors to a folder: the same bytes at every run. */
public final class Main {
    private static final int SEEDS = 4;
    private static final int RECORDS = 70;

    public static void main(String[] args) throws IOException {
        Path dir = Path.of(args[0]);
        write(dir.resolve("windows.jsonl.gz"), vectors(Windows.all(), 16));
        List<Map<String, Object>> joins = vectors(Joins.all(), 7);
        joins.add(Joins.deletions());
        write(dir.resolve("joins.jsonl.gz"), joins);
        write(dir.resolve("tables.jsonl.gz"), vectors(Tables.all(), 100));
        write(dir.resolve("stateless.jsonl.gz"), vectors(Stateless.all(), 100));
        write(dir.resolve("keys.jsonl.gz"), keys());
    }

    /** vectors runs the scenarios, which come in groups of so many: one is in the next with other options, for the same inputs. */
    private static List<Map<String, Object>> vectors(List<Scenario> scenarios, int group) {
        List<Map<String, Object>> all = new ArrayList<>();
        for (int i = 0; i < scenarios.size(); i++) {
            for (int n = 0; n < SEEDS; n++) {
                // The last lacks keys and values here and there: there the two part, and the rest stays comparable.
                all.add(scenarios.get(i).run((long) (i % group) * SEEDS + n, RECORDS, n == SEEDS - 1));
            }
        }
        return all;
    }

    /** keys has the bytes of windowed keys, and their partitions. */
    private static List<Map<String, Object>> keys() {
        List<Map<String, Object>> all = new ArrayList<>();
        var time = new TimeWindowedSerializer<>(new StringSerializer());
        var session = new SessionWindowedSerializer<>(new StringSerializer());
        for (String key : List.of("a", "", "grüße", "\u0000", "key with some more letters")) {
            for (long[] w : new long[][] {{0, 1}, {1_767_225_600_000L, 1_767_225_660_000L}, {255, 256}, {1L << 40, Long.MAX_VALUE}}) {
                all.add(Scenario.params("kind", "time", "key", key, "start", w[0], "end", w[1], "hex",
                    HexFormat.of().formatHex(time.serialize("t", new Windowed<>(key, new TimeWindow(w[0], w[1])))),
                    "partition", partition(time, new Windowed<>(key, new TimeWindow(w[0], w[1])))));
                all.add(Scenario.params("kind", "session", "key", key, "start", w[0], "end", w[1], "hex",
                    HexFormat.of().formatHex(session.serialize("t", new Windowed<>(key, new SessionWindow(w[0], w[1])))),
                    "partition", partition(session, new Windowed<>(key, new SessionWindow(w[0], w[1])))));
            }
        }
        return all;
    }

    /** partition is the one of 7 that a windowed key is written to. */
    private static int partition(WindowedSerializer<String> serializer, Windowed<String> key) {
        return new WindowedStreamPartitioner<String, String>(serializer).partitions("t", key, "", new RecordHeaders(), 7).get().iterator().next();
    }

    private static void write(Path file, List<Map<String, Object>> lines) throws IOException {
        try (Writer w = new OutputStreamWriter(new GZIPOutputStream(Files.newOutputStream(file)), StandardCharsets.UTF_8)) {
            for (Map<String, Object> line : lines) {
                w.write(Json.of(line));
                w.write('\n');
            }
        }
    }
}
