import java.util.Map;

/** Json writes the few kinds of values that vectors are made of. */
final class Json {
    private Json() {}

    static String of(Object v) {
        StringBuilder b = new StringBuilder();
        write(b, v);
        return b.toString();
    }

    private static void write(StringBuilder b, Object v) {
        if (v instanceof Map<?, ?> m) {
            b.append('{');
            String comma = "";
            for (Map.Entry<?, ?> e : m.entrySet()) {
                b.append(comma);
                write(b, e.getKey());
                b.append(':');
                write(b, e.getValue());
                comma = ",";
            }
            b.append('}');
        } else if (v instanceof Iterable<?> l) {
            b.append('[');
            String comma = "";
            for (Object o : l) {
                b.append(comma);
                write(b, o);
                comma = ",";
            }
            b.append(']');
        } else if (v instanceof String s) {
            b.append('"');
            for (char c : s.toCharArray()) {
                if (c < 0x20 || c == '"' || c == '\\') {
                    b.append(String.format("\\u%04x", (int) c));
                } else {
                    b.append(c);
                }
            }
            b.append('"');
        } else {
            b.append(v);
        }
    }
}
