/** Tests that write a page's words out need as much of a browser as the stores ask for when they begin. */
import { vi } from "vitest";

export function asIfInABrowser(): void {
  const nothing = () => undefined;
  vi.stubGlobal("window", { location: { pathname: "/" }, addEventListener: nothing });
  vi.stubGlobal("document", { addEventListener: nothing, documentElement: {} });
  vi.stubGlobal("sessionStorage", { getItem: () => null });
  vi.stubGlobal("localStorage", { getItem: () => null });
  vi.stubGlobal("navigator", { language: "sv" });
}
