/** What has been written letter by letter in the made-up meeting. */
import type { TextLine, Typed } from "../wire";

const NAMES: Record<string, Pick<TextLine, "sender_name" | "role" | "kind">> = {
  p_nils: { sender_name: "Nils Öberg", role: "interpreter", kind: "text" },
  p_karin: { sender_name: "Karin Lund", role: "officer", kind: null },
  p_new: { sender_name: "Samira med familj", role: "newcomer", kind: null },
};

function line(id: string, sender: string, seconds: number, text: string, language = "sv", corrects: string | null = null): TextLine {
  return { line: id, at: new Date(Date.now() - 1000 * seconds).toISOString(), sender, ...NAMES[sender], text, language, station: 2, corrects };
}

export const lines = (): TextLine[] => [
  line("a", "p_nils", 90, "Karin: Hej och välkommen. Jag arbetar på Skatteverket."),
  line("b", "p_nils", 70, "Karin: Du får ditt personnummer om två vickor."),
  line("c", "p_nils", 62, "Karin: Du får ditt personnummer om två veckor.", "sv", "b"),
  line("d", "p_new", 20, "شكرًا. هل أحتاج رقم 12 من Skatteverket؟", "ar"),
  line("e", "p_nils", 6, "Karin: Ja, numret står överst på papperet."),
];

export const drafts = (): Typed[] => [
  { participant: "p_nils", line: "f", revision: 3, keep: 0, add: "Karin: Spara papperet, du behöver det hos Försäk", language: "sv", corrects: null },
];
