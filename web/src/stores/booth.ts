/** The interpreter's own desk, and who is at the others. */
import { computed } from "vue";
import { LOCALES, type Locale } from "../i18n";
import { languageName } from "../names";
import type { InterpreterAtWork, InterpretingMode, Participant } from "../wire";
import { useMeeting } from "./meeting";
import { usePage } from "./page";

export function useBooth() {
  const meeting = useMeeting();
  const page = usePage();

  const view = computed(() => meeting.snapshot?.interpreting ?? null);
  const desks = computed(() => view.value?.interpreters ?? []);
  const desk = computed<InterpreterAtWork | null>(
    () => desks.value.find((one) => one.participant === meeting.you?.participant) ?? null,
  );
  const colleagues = computed<Participant[]>(() =>
    desks.value.filter((one) => one !== desk.value).flatMap((one) => meeting.person(one.participant) ?? []),
  );
  /** Where the key for turning leads. */
  const turned = computed(() => desk.value?.source ?? desk.value?.languages.find((one) => one !== desk.value?.into) ?? null);

  function deskOf(participant: string): InterpreterAtWork | null {
    return desks.value.find((one) => one.participant === participant) ?? null;
  }

  /** What somebody listens in, and so speaks. */
  function languageOf(person: Participant): string {
    return view.value?.listeners.find((one) => one.participant === person.id)?.language ?? person.language;
  }

  /** Who of the others listens to this language. */
  function listenersTo(language: string): Participant[] {
    const listening = (view.value?.listeners ?? []).filter((one) => one.language === language);
    return listening.flatMap((one) => meeting.person(one.participant) ?? []).filter((one) => one.role !== "interpreter");
  }

  function act(method: string, params: Record<string, unknown>): Promise<boolean> {
    return page.attempt(meeting.act(`interpret.${method}`, params));
  }

  return {
    meeting, page, view, desk, colleagues, turned, deskOf, languageOf, listenersTo,
    turn: (into: string | null) => act("direction", { into }),
    swap: () => (turned.value ? act("direction", { into: turned.value }) : Promise.resolve(false)),
    setMode: (mode: InterpretingMode) => act("mode", { mode }),
    setAutomatic: (automatic: boolean) => act("mode", { automatic }),
    workFrom: (relay: "automatic" | "floor" | "interpreter") => act("relay", { relay }),
    offer: (taker: string) => act("offerHandover", { taker }),
    accept: (handover: string) => act("acceptHandover", { handover }),
    withdraw: (handover: string) => act("withdrawHandover", { handover }),
    addTerm: (term: { text: string; language: string; translation: string; into: string }) => act("addTerm", term),
    removeTerm: (term: string) => act("removeTerm", { term }),
  };
}

/** A language in its own words and letters; a browser does not know the names of all that the pages have. */
export function ownName(code: string): string {
  if (code in LOCALES) return LOCALES[code as Locale];
  const name = languageName(code, code);
  return name === code ? code : name.charAt(0).toLocaleUpperCase(code) + name.slice(1);
}
