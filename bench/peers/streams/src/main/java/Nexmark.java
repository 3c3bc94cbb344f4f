import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Map;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.StreamJoined;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.ValueJoiner;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.kstream.WindowedSerdes;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.SessionStore;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;

/** Nexmark has the queries of NEXMark, as bench/nexmark/auction/topologies.go has them for Millrace. */
final class Nexmark {
    private static final Serde<String> STRING = Serdes.String();
    private static final Serde<byte[]> BYTES = Serdes.ByteArray();
    private static final Serde<Long> LONG = Serdes.Long();
    private static final Duration WINDOW = Duration.ofSeconds(10);
    private static final Duration HOP = Duration.ofSeconds(2);
    private static final Duration GRACE = Duration.ofMinutes(30);

    private Nexmark() {}

    static Topology of(String query, Map<String, String> a) {
        StreamsBuilder b = new StreamsBuilder();
        KStream<String, byte[]> events = b.stream(a.get("input"),
            Consumed.with(STRING, BYTES).withTimestampExtractor((r, before) -> Event.time((byte[]) r.value())));
        KStream<String, byte[]> bids = kind(events, Event.BID);
        String out = a.get("output");
        switch (query) {
            case "q0" -> bids.to(out, Produced.with(STRING, BYTES));
            case "q1" -> bids.mapValues(v -> Event.withPrice(v, Event.price(v) * 908 / 1000)).to(out, Produced.with(STRING, BYTES));
            case "q2" -> bids.filter((k, v) -> Event.id(v) % 123 == 0).mapValues(Event::price).to(out, Produced.with(STRING, LONG));
            case "q3" -> join(kind(events, Event.PERSON).filter((k, v) -> local(v)),
                kind(events, Event.AUCTION).filter((k, v) -> Event.category(v) == 10),
                JoinWindows.ofTimeDifferenceWithNoGrace(Duration.ofDays(1)), Nexmark::item).to(out, Produced.with(STRING, STRING));
            case "q4" -> {
                b.addStateStore(Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("open"), STRING, BYTES).withCachingEnabled());
                events.process(Closing::new, "open")
                    .groupByKey(Grouped.with(STRING, LONG))
                    .aggregate(() -> mean(0, 0), (k, price, m) -> mean(ByteBuffer.wrap(m).getDouble() + price, ByteBuffer.wrap(m).getLong(8) + 1),
                        Materialized.<String, byte[], KeyValueStore<Bytes, byte[]>>with(STRING, BYTES))
                    .toStream().to(out, Produced.with(STRING, BYTES));
            }
            case "q5" -> best(bids.groupByKey(Grouped.with(STRING, BYTES))
                .windowedBy(TimeWindows.ofSizeAndGrace(WINDOW, GRACE).advanceBy(HOP))
                .count(Materialized.<String, Long, WindowStore<Bytes, byte[]>>with(STRING, LONG))
                .toStream().map((w, n) -> KeyValue.pair(start(w), Event.bid(Long.parseLong(w.key()), 0, n))), out);
            case "q7" -> best(bids.mapValues(v -> Event.bid(Event.id(v), Event.bidder(v), Event.price(v)))
                .groupByKey(Grouped.with(STRING, BYTES))
                .windowedBy(TimeWindows.ofSizeAndGrace(WINDOW, GRACE))
                .reduce(Event::better, Materialized.<String, byte[], WindowStore<Bytes, byte[]>>with(STRING, BYTES))
                .toStream().map((w, v) -> KeyValue.pair(start(w), v)), out);
            case "q8" -> {
                b.addStateStore(Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("seen"), STRING, LONG).withCachingEnabled());
                join(kind(events, Event.PERSON), kind(events, Event.AUCTION), JoinWindows.ofTimeDifferenceAndGrace(WINDOW, GRACE), Nexmark::seller)
                    .filter((k, row) -> !row.isEmpty())
                    .processValues(() -> new Topologies.Dedupe<String>(), "seen").to(out, Produced.with(STRING, STRING));
            }
            case "q11" -> byBidder(bids)
                .groupByKey(Grouped.with(STRING, BYTES))
                .windowedBy(SessionWindows.ofInactivityGapAndGrace(WINDOW, GRACE))
                .count(Materialized.<String, Long, SessionStore<Bytes, byte[]>>with(STRING, LONG))
                .toStream().to(out, Produced.with(WindowedSerdes.sessionWindowedSerdeFrom(String.class), LONG));
            case "q12" -> byBidder(bids.process(Now::new))
                .groupByKey(Grouped.with(STRING, BYTES))
                .windowedBy(TimeWindows.ofSizeAndGrace(WINDOW, GRACE))
                .count(Materialized.<String, Long, WindowStore<Bytes, byte[]>>with(STRING, LONG))
                .toStream().to(out, Produced.with(WindowedSerdes.timeWindowedSerdeFrom(String.class, WINDOW.toMillis()), LONG));
            default -> throw new IllegalArgumentException("no query " + query + " here");
        }
        return b.build();
    }

    private static KStream<String, byte[]> kind(KStream<String, byte[]> events, byte kind) {
        return events.filter((k, v) -> Event.kind(v) == kind);
    }

    private static KStream<String, byte[]> byBidder(KStream<String, byte[]> bids) {
        return bids.selectKey((k, v) -> Long.toString(Event.bidder(v)));
    }

    /** best finds the best bid of each window; the key is the window's start. */
    private static void best(KStream<String, byte[]> byWindow, String out) {
        byWindow.groupByKey(Grouped.with(STRING, BYTES))
            .reduce(Event::better, Materialized.<String, byte[], KeyValueStore<Bytes, byte[]>>with(STRING, BYTES))
            .toStream().to(out, Produced.with(STRING, BYTES));
    }

    private static KStream<String, String> join(KStream<String, byte[]> persons, KStream<String, byte[]> auctions, JoinWindows windows,
        ValueJoiner<byte[], byte[], String> joiner) {
        return persons.join(auctions.selectKey((k, v) -> "p" + Event.seller(v)), joiner, windows, StreamJoined.with(STRING, BYTES, BYTES));
    }

    private static boolean local(byte[] person) {
        String state = Event.texts(person)[2];
        return state.equals("OR") || state.equals("ID") || state.equals("CA");
    }

    private static String item(byte[] person, byte[] auction) {
        return String.join(", ", Event.texts(person)) + ": " + Event.id(auction);
    }

    /** seller is empty if the two are not in the same window. */
    private static String seller(byte[] person, byte[] auction) {
        long size = WINDOW.toMillis();
        long window = Event.time(person) / size;
        return window != Event.time(auction) / size ? "" : Event.id(person) + ", " + Event.texts(person)[0] + ": " + window * size;
    }

    private static String start(Windowed<String> w) {
        return Long.toString(w.window().start());
    }

    private static byte[] mean(double sum, long count) {
        return ByteBuffer.allocate(16).putDouble(sum).putLong(count).array();
    }

    /** Now makes the time at which a record is handled its time. */
    private static final class Now extends ContextualProcessor<String, byte[], String, byte[]> {
        @Override
        public void process(Record<String, byte[]> r) {
            context().forward(r.withTimestamp(context().currentSystemTimeMs()));
        }
    }
}
