import type { Plugin, Rule } from "postcss";

/** Parts of FKUI that no page is made of; their rules are not sent. */
export const UNUSED = [
  "calendar", "col", "combobox", "contextmenu", "crud-dataset", "datepicker", "dialogue-tree", "entrypoint", "expandable-paragraph", "file", "grid",
  "imenu", "ipopupmenu", "iskiplink", "layout", "logo", "offline", "page-header", "paginator", "popup-error", "table", "wizard",
];

/** Whether a name is that of the part, or of something within it: `table`, `table-ng`, `table__row`. */
export function isOf(part: string, name: string): boolean {
  return name === part || name.startsWith(`${part}-`) || name.startsWith(`${part}__`);
}

function speaksOf(parts: string[], selector: string): boolean {
  const first = /\.([\w-]+)/.exec(selector)?.[1];
  return first !== undefined && parts.some((part) => isOf(part, first));
}

export function without(parts: string[]): Plugin {
  return {
    postcssPlugin: "without",
    Once(root) {
      if (!root.source?.input.file?.includes("@fkui/design")) return;
      root.walkRules((rule: Rule) => {
        if (rule.selectors.every((selector) => speaksOf(parts, selector))) rule.remove();
      });
    },
  };
}
