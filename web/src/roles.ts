/** What somebody goes by who was given no name: what they are here, in the language of whoever reads it. */
import { i18n, locale, nameIn } from "./i18n";
import type { InterpreterKind, Names, Role } from "./wire";

interface Someone {
  name: string;
  role: Role;
  kind?: InterpreterKind | null;
}

export function roleName({ role, kind }: Omit<Someone, "name">): string {
  const { t } = i18n.global;
  return kind === "sign" || kind === "text" ? t(`kind.${kind}`) : t(`role.${role}`);
}

/** Earlier, these were kept as the names of people without one. What is kept is not changed, so it is known here. */
const ONCE_KEPT: Partial<Record<Role, readonly string[]>> = {
  host: ["Personal på plats"],
  interpreter: ["Tolk", "Teckenspråkstolk", "Skrivtolk"],
  companion: ["Medföljande"],
  attendee: ["Deltagare"],
};

export function isUnnamed({ name, role }: Pick<Someone, "name" | "role">): boolean {
  return !name || (ONCE_KEPT[role]?.includes(name) ?? false);
}

/** An officer without a name of their own is kept under their agency's. `agencies`: the names of those in the meeting. */
export function goesBy<Person extends Someone>(person: Person, agencies: readonly Names[] = []): Person & { unnamed?: boolean } {
  if (isUnnamed(person)) return { ...person, name: roleName(person), unnamed: true };
  const agency = person.role === "officer" ? agencies.find((names) => Object.values(names).includes(person.name)) : undefined;
  return agency ? { ...person, name: nameIn(agency, locale()), unnamed: true } : person;
}
