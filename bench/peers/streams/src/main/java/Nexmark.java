import java.nio.ByteBuffer;
import java.util.Map;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Produced;

/** Nexmark has the queries of NEXMark without state. The events are laid out as in bench/nexmark/auction/event.go. */
final class Nexmark {
    private static final Serde<String> STRING = Serdes.String();
    private static final Serde<byte[]> BYTES = Serdes.ByteArray();
    private static final byte BID = 3;
    private static final int AUCTION = 1 + 8;
    private static final int PRICE = 1 + 3 * 8;

    private Nexmark() {}

    static Topology of(String query, Map<String, String> a) {
        StreamsBuilder b = new StreamsBuilder();
        KStream<String, byte[]> bids = b.stream(a.get("input"), Consumed.with(STRING, BYTES)).filter((k, v) -> v[0] == BID);
        String out = a.get("output");
        switch (query) {
            case "q0" -> bids.to(out, Produced.with(STRING, BYTES));
            case "q1" -> bids.mapValues(Nexmark::inEuros).to(out, Produced.with(STRING, BYTES));
            case "q2" -> bids.filter((k, v) -> ByteBuffer.wrap(v).getLong(AUCTION) % 123 == 0)
                .mapValues(v -> ByteBuffer.wrap(v).getLong(PRICE)).to(out, Produced.with(STRING, Serdes.Long()));
            default -> throw new IllegalArgumentException("no query " + query + " here");
        }
        return b.build();
    }

    private static byte[] inEuros(byte[] bid) {
        byte[] b = bid.clone();
        ByteBuffer buffer = ByteBuffer.wrap(b);
        buffer.putLong(PRICE, buffer.getLong(PRICE) * 908 / 1000);
        return b;
    }
}
