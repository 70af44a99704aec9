/** How a person is drawn and called in few letters. */

/** One letter of the first name and one of the last; scripts whose letters join get the first alone. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter((word) => /^\p{L}/u.test(word));
  if (words.length === 0) return "";
  const first = [...words[0]][0];
  if (!/\p{Lu}/u.test(first)) return first;
  const last = words.length > 1 ? [...words[words.length - 1]][0] : "";
  return /\p{Lu}/u.test(last) ? first + last : first;
}

/** A role that stands for a name has no first one. */
export function firstName({ name, unnamed = false }: { name: string; unnamed?: boolean }): string {
  return unnamed ? name : (name.trim().split(/\s+/)[0] ?? "");
}

/** A language in the words of another one. A browser throws at what it takes for no tag; then the tag has to do. */
export function languageName(code: string, among: string): string {
  if (!code) return code; // some call it "root"
  try {
    return new Intl.DisplayNames([among, "sv"], { type: "language" }).of(code) ?? code;
  } catch {
    return code;
  }
}
