/** Is somebody writing or choosing in this element? Then a letter is a letter, not a command. */
export function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return target.type !== "range" && target.type !== "checkbox" && target.type !== "radio";
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable;
}

/** Does Space do something here by itself? */
export function pressable(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement) return target.type === "checkbox" || (target.type === "radio" && !target.checked);
  return target instanceof HTMLElement && target.matches("button, a, summary");
}
