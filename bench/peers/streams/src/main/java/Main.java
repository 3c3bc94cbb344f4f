import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;

/**
 * The workloads on Kafka Streams, with the command line that all contenders share (bench/internal/peer).
 *
 * <p>RocksDB as it comes; caching on where the last update of a commit is enough, off where every update is to be
 * emitted; one thread for each core. Acknowledgements, compression and the commit interval are those of all contenders.
 */
public final class Main {
    public static void main(String[] args) throws InterruptedException {
        Map<String, String> a = new HashMap<>();
        for (String arg : args) {
            String[] kv = arg.replaceFirst("^--", "").split("=", 2);
            a.put(kv[0], kv.length > 1 ? kv[1] : "");
        }
        boolean exactlyOnce = a.get("guarantee").equals("exactly-once");
        Properties p = new Properties();
        p.put(StreamsConfig.APPLICATION_ID_CONFIG, a.get("app"));
        p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, a.get("brokers"));
        p.put(StreamsConfig.STATE_DIR_CONFIG, a.get("state"));
        p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG,
            exactlyOnce ? StreamsConfig.EXACTLY_ONCE_V2 : StreamsConfig.AT_LEAST_ONCE);
        p.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, millis(a.get("commit")));
        p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, Runtime.getRuntime().availableProcessors());
        p.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 3);
        p.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 64L << 20);
        p.put(StreamsConfig.producerPrefix(ProducerConfig.ACKS_CONFIG), "all");
        p.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        if (a.containsKey("session-timeout")) {
            p.put(StreamsConfig.consumerPrefix(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG), Math.toIntExact(millis(a.get("session-timeout"))));
        }
        if (a.containsKey("standbys")) {
            p.put(StreamsConfig.NUM_STANDBY_REPLICAS_CONFIG, a.get("standbys"));
        }
        if (a.get("workload").equals("latency")) {
            // Streams waits up to 100 ms for a batch to fill, which would be most of the latency.
            p.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 5);
        }

        KafkaStreams streams = new KafkaStreams(Topologies.of(a.get("workload"), a), p);
        CountDownLatch done = new CountDownLatch(1);
        boolean[] failed = new boolean[1];
        streams.setUncaughtExceptionHandler(e -> {
            e.printStackTrace();
            failed[0] = true;
            done.countDown();
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
        done.await();
        if (failed[0]) {
            Runtime.getRuntime().halt(1);
        }
    }

    /** millis reads a duration as Go writes those of whole milliseconds or seconds. */
    static long millis(String duration) {
        return duration.endsWith("ms")
            ? Long.parseLong(duration.substring(0, duration.length() - 2))
            : 1000 * Long.parseLong(duration.substring(0, duration.length() - 1));
    }
}
