/** What somebody goes by who was given no name: what they are here, in the language of whoever reads it. */
import { i18n } from "./i18n";
import type { InterpreterKind, Role } from "./wire";

interface Someone {
  name: string;
  role: Role;
  kind?: InterpreterKind | null;
}

export function roleName({ role, kind }: Omit<Someone, "name">): string {
  const { t } = i18n.global;
  return kind === "sign" || kind === "text" ? t(`kind.${kind}`) : t(`role.${role}`);
}

export function goesBy<Person extends Someone>(person: Person): Person & { unnamed?: boolean } {
  return person.name ? person : { ...person, name: roleName(person), unnamed: true };
}
