import java.nio.ByteBuffer;

/** Rules is the shuffle's part that every contender has: see bench/internal/workload/rules.go. */
final class Rules {
    static final int RULES = 1000;
    static final double SELECTIVITY = 0.2;
    static final int HEADER_BYTES = 16;
    private static final long WIDTH = (long) (SELECTIVITY / RULES * 0x1p63) * 2;

    private Rules() {}

    interface Match {
        void rule(int i);
    }

    static void match(byte[] value, Match match) {
        if (value.length < HEADER_BYTES) {
            return;
        }
        long n = ByteBuffer.wrap(value).getLong(8);
        for (int i = 0; i < RULES; i++) {
            if (Long.compareUnsigned(n - i * WIDTH, WIDTH) < 0) {
                match.rule(i);
            }
        }
    }

    /** fold counts a value in the state of a rule, null for none. The first number of the state is the count. */
    static byte[] fold(byte[] state, byte[] value) {
        long n = ByteBuffer.wrap(value).getLong(8);
        long count = 0;
        long length = 0;
        long least = n;
        long most = n;
        if (state != null) {
            ByteBuffer b = ByteBuffer.wrap(state);
            count = b.getLong();
            length = b.getLong();
            long l = b.getLong();
            long m = b.getLong();
            least = Long.compareUnsigned(l, n) < 0 ? l : n;
            most = Long.compareUnsigned(m, n) > 0 ? m : n;
        }
        return ByteBuffer.allocate(32).putLong(count + 1).putLong(length + value.length).putLong(least).putLong(most).array();
    }

    static boolean tenth(byte[] state) {
        return ByteBuffer.wrap(state).getLong() % 10 == 0;
    }
}
