import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** Event reads events of NEXMark, which are laid out as in bench/nexmark/auction/event.go, and writes bids. */
final class Event {
    static final byte PERSON = 1;
    static final byte AUCTION = 2;
    static final byte BID = 3;
    private static final int HEADER = 1 + 6 * 8;

    private Event() {}

    static byte kind(byte[] e) {
        return e[0];
    }

    static long time(byte[] e) {
        return number(e, 0);
    }

    static long id(byte[] e) {
        return number(e, 1);
    }

    static long seller(byte[] auction) {
        return number(auction, 2);
    }

    static long category(byte[] auction) {
        return number(auction, 3);
    }

    static long reserve(byte[] auction) {
        return number(auction, 4);
    }

    static long expires(byte[] auction) {
        return number(auction, 5);
    }

    static long bidder(byte[] bid) {
        return number(bid, 2);
    }

    static long price(byte[] bid) {
        return number(bid, 3);
    }

    /** texts are a person's name, city and state. */
    static String[] texts(byte[] person) {
        return new String(person, HEADER, person.length - HEADER, StandardCharsets.UTF_8).split("\n", -1);
    }

    static byte[] withPrice(byte[] bid, long price) {
        byte[] b = bid.clone();
        ByteBuffer.wrap(b).putLong(1 + 3 * 8, price);
        return b;
    }

    static byte[] bid(long auction, long bidder, long price) {
        return ByteBuffer.allocate(HEADER).put(BID).putLong(0).putLong(auction).putLong(bidder).putLong(price).array();
    }

    /** better returns the bid of the higher price; of equal ones that of the smaller numbers. */
    static byte[] better(byte[] a, byte[] b) {
        if (price(a) != price(b)) {
            return price(a) > price(b) ? a : b;
        }
        if (id(a) != id(b)) {
            return id(a) < id(b) ? a : b;
        }
        return bidder(a) < bidder(b) ? a : b;
    }

    private static long number(byte[] e, int i) {
        return ByteBuffer.wrap(e).getLong(1 + 8 * i);
    }
}
