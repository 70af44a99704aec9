/** The texts of one language: `locales/<language>/<topic>.json` for everybody, `…/work/<topic>.json` for the pages of those who work. */
export type Texts = { [key: string]: string | Texts };

export function joined(topics: Record<string, Texts>): Texts {
  return Object.assign({}, ...Object.values(topics));
}
