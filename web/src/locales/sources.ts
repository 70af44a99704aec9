/** Which texts the sources ask for; for the tests of the texts. */
export type Source = Map<string, string>;

const IMPORT = /(?:from|import)\s*\(?\s*"(\.[^"]+)"/g;
const LITERAL = /["'`]((?:\w|\$\{[^}]*\})+(?:\.(?:\w|\$\{[^}]*\})+)+)["'`]/g;
const ASKED = /\b(?:t|te)\(\s*(["'`])((?:\w|\$\{[^}]*\})+(?:\.(?:\w|\$\{[^}]*\})+)+)\1|keypath="([\w.]+)"/g;

/** Everything shaped like a key, and those that are surely asked for as one. A template stands for any word in its holes. */
export function keysIn(source: string): { shaped: string[]; asked: string[] } {
  return {
    shaped: [...source.matchAll(LITERAL)].map((found) => found[1]),
    asked: [...source.matchAll(ASKED)].map((found) => found[2] ?? found[3]),
  };
}

export function meets(wanted: string, key: string): boolean {
  if (!wanted.includes("${")) return wanted === key;
  const pattern = wanted.split(/\$\{[^}]*\}/).map((part) => part.replaceAll(".", "\\."));
  return new RegExp(`^${pattern.join("\\w+")}$`).test(key);
}

export function usedBy(sources: Source, known: string[]): Set<string> {
  const wanted = new Set([...sources.values()].flatMap((source) => keysIn(source).shaped));
  const templates = [...wanted].filter((one) => one.includes("${"));
  return new Set(known.filter((key) => wanted.has(key) || templates.some((template) => meets(template, key))));
}

/** The files themselves and what they are made of. Views are reached by roles, so only named ones count. */
export function reachable(sources: Source, from: string[]): Source {
  const found: Source = new Map();
  const queue = [...from];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    const source = sources.get(path);
    if (source === undefined || found.has(path)) continue;
    found.set(path, source);
    for (const [, target] of source.matchAll(IMPORT)) {
      const next = resolved(path, target);
      if (!next.includes("/views/")) queue.push(next, `${next}.ts`);
    }
  }
  return found;
}

/** Paths are relative to this folder, as the tests' globs give them. */
function resolved(from: string, target: string): string {
  return new URL(target, `file:///src/locales/${from}`).pathname.replace("/src/", "../");
}
