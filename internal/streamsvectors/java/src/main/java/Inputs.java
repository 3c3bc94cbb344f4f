import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Inputs makes random records, the same for the same seed: several keys, with times that mostly go on by a little,
 * and that are equal, out of order, late, or far ahead in between; some records have no key or no value.
 */
final class Inputs {
    /** A record of an input topic. Its value is a String, a Long or null. */
    record In(String topic, String key, Object value, long time) {}

    /**
     * A topic's values and keys. Deletions are the share of records without a value in the topic of a table. If nulls
     * are wanted, some records lack their key if noKey is set, and their value if noValue is.
     */
    record Source(String topic, String kind, List<String> keys, double deletions, boolean noKey, boolean noValue) {
        Source(String topic, String kind, boolean noValue) {
            this(topic, kind, KEYS, 0, true, noValue);
        }

        static Source strings(String topic) {
            return new Source(topic, "string", true);
        }

        static Source table(String topic) {
            return new Source(topic, "string", KEYS, 0.2, true, false);
        }

        /** keyed has all keys. */
        Source keyed() {
            return new Source(topic, kind, keys, deletions, false, noValue);
        }

        Source keys(String... keys) {
            return new Source(topic, kind, List.of(keys), deletions, noKey, noValue);
        }

        Source kind(String kind) {
            return new Source(topic, kind, keys, deletions, noKey, noValue);
        }
    }

    private static final List<String> KEYS = List.of("a", "b", "c");

    private final Random random;
    private final long unit;
    private long now;
    private int made;

    /** The unit is about the size of a window: times are spread by it. */
    Inputs(long seed, long unit) {
        random = new Random(seed * 7919 + 17);
        this.unit = unit;
        // Every second one begins at time 0, where windows are cut off.
        now = seed % 2 == 0 ? 0 : 1_000_000 + random.nextInt(100);
    }

    /** make makes n records, some of them without a key or a value if nulls is set. */
    List<In> make(int n, List<Source> sources, boolean nulls) {
        List<In> all = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            Source s = sources.get(random.nextInt(sources.size()));
            double noKey = nulls && s.noKey() ? 0.06 : 0;
            double noValue = s.deletions() + (nulls && s.noValue() ? 0.06 : 0);
            String key = random.nextDouble() < noKey ? null : s.keys().get(Math.min(random.nextInt(s.keys().size()), random.nextInt(s.keys().size())));
            Object value = random.nextDouble() < noValue ? null : value(s.kind());
            all.add(new In(s.topic(), key, value, time()));
        }
        // At last everything is closed that time can close.
        for (Source s : sources) {
            now += 100 * unit;
            all.add(new In(s.topic(), s.keys().get(0), value(s.kind()), now));
        }
        return all;
    }

    /** behind lets no record of the other topics be newer than the newest of one topic so far. */
    static List<In> behind(String topic, List<In> all) {
        List<In> changed = new ArrayList<>();
        long newest = 0;
        for (In in : all) {
            if (in.topic().equals(topic)) {
                newest = Math.max(newest, in.time());
            }
            changed.add(new In(in.topic(), in.key(), in.value(), Math.min(in.time(), newest)));
        }
        return changed;
    }

    private Object value(String kind) {
        made++;
        return switch (kind) {
            case "long" -> (long) random.nextInt(21) - 5;
            case "foreign" -> "xyz-".charAt(random.nextInt(4)) + "|" + made;
            case "grouped" -> "xy-".charAt(random.nextInt(3)) + "|" + random.nextInt(10);
            default -> "v" + made;
        };
    }

    private long time() {
        double p = random.nextDouble();
        if (p < 0.15) {
            return now;
        }
        if (p < 0.65) {
            now += 1 + random.nextLong(Math.max(1, unit / 2));
        } else if (p < 0.72) {
            now += unit + random.nextLong(2 * unit + 1);
        } else if (p < 0.9) {
            return Math.max(0, now - 1 - random.nextLong(unit + 1));
        } else {
            return Math.max(0, now - unit - random.nextLong(3 * unit + 1));
        }
        return now;
    }
}
