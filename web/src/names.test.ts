import { expect, it } from "vitest";
import { firstName, initials } from "./names";

it("takes a letter of the first and of the last name", () => {
  expect(initials("Lena Ek")).toBe("LE");
  expect(initials("Anna Maria af Öberg")).toBe("AÖ");
});

it("leaves out what is no name of its own", () => {
  expect(initials("Samira med familj")).toBe("S");
  expect(initials("Yusuf")).toBe("Y");
  expect(initials("Lena Ek (rum 2)")).toBe("LE");
});

it("gives one letter where letters join or have no capitals", () => {
  expect(initials("أمينة حداد")).toBe("أ");
  expect(initials("ሰናይት ተስፋይ")).toBe("ሰ");
});

it("has nothing for nobody", () => {
  expect(initials("  ")).toBe("");
  expect(firstName("")).toBe("");
});

it("calls somebody by their first name", () => {
  expect(firstName(" Lena Ek")).toBe("Lena");
});
