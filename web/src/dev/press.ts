/** Presses what `?press=` names, one after the other, each as soon as it is there; says on the page that it is not done yet. */
export const TURNS = 400;

export async function pressAll(query: URLSearchParams, quiet = async () => {}): Promise<void> {
  const wanted = query.get("press")?.split(",") ?? [];
  const root = document.documentElement;
  root.toggleAttribute("data-pressing", true);
  await quiet();
  for (const testid of wanted) await press(testid);
  await quiet();
  root.removeAttribute("data-pressing");
}

async function press(testid: string): Promise<void> {
  for (let turn = 0; turn < TURNS; turn += 1) {
    const found = document.querySelector<HTMLElement>(`[data-testid="${testid}"]`);
    await new Promise((done) => setTimeout(done, 20));
    if (found) return found.click();
  }
}
