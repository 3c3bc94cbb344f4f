import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Closing has the auctions that are open, and sends the price of each by its category when it closes. There are no
 * timers by key: it looks through the open ones every 100 ms of event time, of which there are a few hundred.
 */
final class Closing extends ContextualProcessor<String, byte[], String, Long> {
    private KeyValueStore<String, byte[]> open;

    @Override
    public void init(ProcessorContext<String, Long> context) {
        super.init(context);
        open = context.getStateStore("open");
        context.schedule(Duration.ofMillis(100), PunctuationType.STREAM_TIME, this::close);
    }

    @Override
    public void process(Record<String, byte[]> r) {
        byte[] e = r.value();
        switch (Event.kind(e)) {
            case Event.AUCTION -> open.put(r.key(), lot(Event.category(e), Event.reserve(e), Event.expires(e), 0));
            case Event.BID -> {
                byte[] lot = open.get(r.key());
                if (lot == null) {
                    return;
                }
                ByteBuffer l = ByteBuffer.wrap(lot);
                long price = Event.price(e);
                if (Event.time(e) < l.getLong(16) && price >= l.getLong(8) && price > l.getLong(24)) {
                    open.put(r.key(), lot(l.getLong(0), l.getLong(8), l.getLong(16), price));
                }
            }
            default -> { }
        }
    }

    private void close(long now) {
        List<KeyValue<String, byte[]>> closed = new ArrayList<>();
        try (KeyValueIterator<String, byte[]> all = open.all()) {
            while (all.hasNext()) {
                KeyValue<String, byte[]> lot = all.next();
                if (ByteBuffer.wrap(lot.value).getLong(16) <= now) {
                    closed.add(lot);
                }
            }
        }
        for (KeyValue<String, byte[]> lot : closed) {
            ByteBuffer l = ByteBuffer.wrap(lot.value);
            if (l.getLong(24) > 0) {
                context().forward(new Record<>(Long.toString(l.getLong(0)), l.getLong(24), l.getLong(16)));
            }
            open.delete(lot.key);
        }
    }

    private static byte[] lot(long category, long reserve, long expires, long best) {
        return ByteBuffer.allocate(32).putLong(category).putLong(reserve).putLong(expires).putLong(best).array();
    }
}
