import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Properties;

/**
 * Reads samples with java.util.Properties.load and writes what it put, in order, duplicates included.
 *
 * One sample per line, its bytes in hexadecimal. The answer per line: "!" where load refuses, otherwise
 * "key=value" for each entry, joined by commas, the UTF-16 units of both in hexadecimal.
 */
public final class PropertiesOracle {
    public static void main(String[] arguments) throws IOException {
        List<String> answers = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of(arguments[0]))) {
            answers.add(answer(HexFormat.of().parseHex(line)));
        }
        Files.write(Path.of(arguments[1]), answers);
    }

    private static String answer(byte[] sample) throws IOException {
        List<String> entries = new ArrayList<>();
        Properties properties = new Properties() {
            @Override
            public synchronized Object put(Object key, Object value) {
                entries.add(units((String) key) + "=" + units((String) value));
                return super.put(key, value);
            }
        };
        try {
            properties.load(new ByteArrayInputStream(sample));
        } catch (IllegalArgumentException malformed) {
            return "!";
        }
        return String.join(",", entries);
    }

    private static String units(String text) {
        StringBuilder hex = new StringBuilder();
        for (char unit : text.toCharArray()) {
            hex.append(String.format("%04x", (int) unit));
        }
        return hex.toString();
    }
}
