// Goal: sums are added and shown to the last of their nine digits.
// Method: exchange laws on sums of every length, and examples that floating point gets wrong.
import { expect, test } from "vitest";
import { addUp, decimalOf, formatBriefly, formatSum, nanosOf } from "./money";

test.each(["0", "1", "20.5", "0.000000001", "-3.25", "123456789012345678.999999999", "0.1"])("%s is kept", (text) => {
  expect(decimalOf(nanosOf(text)!)).toBe(text);
});

test.each(["", "1e3", "1.", ".5", "1,5", "0.0000000001", "abc", "1 2", "--1"])("%j is no sum", (text) => {
  expect(nanosOf(text)).toBeNull();
});

test("the order of additions does not matter, and nothing is lost", () => {
  const amounts = Array.from({ length: 1000 }, (_, i) => decimalOf(BigInt(i) * 100_000_001n));
  expect(addUp(amounts)).toBe("49950.0004995");
  expect(addUp([...amounts].reverse())).toBe(addUp(amounts));
  expect(addUp(["0.1", "0.2"])).toBe("0.3");
  expect(addUp(["5", "no sum", "-5"])).toBe("0");
});

test("small sums show all digits, round ones two", () => {
  expect(formatSum({ currency: "CNY", amount: "0.000012" }, "en")).toBe("¥0.000012");
  expect(formatSum({ currency: "CNY", amount: "20" }, "zh-CN")).toBe("¥20.00");
  expect(formatSum({ currency: "CNY", amount: "1234567.5" }, "en")).toBe("¥1,234,567.50");
  expect(formatBriefly({ currency: "CNY", amount: "13.03251512" }, "en")).toBe("¥13.03");
  expect(formatBriefly({ currency: "CNY", amount: "-0.000012" }, "en")).toBe("-¥0.000012");
  expect(formatSum({ currency: "tokens", amount: "7" }, "en")).toBe("7 tokens");
});
