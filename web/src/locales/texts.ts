/** The texts of one language: `locales/<language>/<topic>.json`, each topic with keys of its own. */
export type Texts = { [key: string]: string | Texts };

export function joined(topics: Record<string, Texts>): Texts {
  return Object.assign({}, ...Object.values(topics));
}
