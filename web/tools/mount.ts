/** Components alive in tests without a browser: elements are plain objects. */
import { type App, type Component, createRenderer, nextTick } from "vue";

export class Node {
  children: Node[] = [];
  parent: Node | null = null;
  props: Record<string, unknown> = {};

  constructor(
    readonly tag: string,
    public said = "",
  ) {}

  get text(): string {
    return (this.said + this.children.map((child) => child.text).join("")).trim();
  }

  /** The first with that property, this one or below it. */
  find(name: string, value: unknown): Node | null {
    if (this.props[name] === value) return this;
    for (const child of this.children) {
      const found = child.find(name, value);
      if (found) return found;
    }
    return null;
  }

  /** As a click does: here first, then outwards. */
  async press(): Promise<void> {
    for (let at: Node | null = this; at; at = at.parent) {
      const { onClick } = at.props;
      for (const each of [onClick].flat()) if (typeof each === "function") each({ detail: 1, preventDefault() {}, stopPropagation() {} });
    }
    await nextTick();
  }
}

function remove(node: Node): void {
  node.parent?.children.splice(node.parent.children.indexOf(node), 1);
  node.parent = null;
}

const { createApp } = createRenderer<Node, Node>({
  createElement: (tag) => new Node(tag),
  createText: (text) => new Node("#text", text),
  createComment: () => new Node("#comment"),
  setText: (node, text) => void (node.said = text),
  setElementText: (node, text) => void (node.children = text ? [Object.assign(new Node("#text", text), { parent: node })] : []),
  parentNode: (node) => node.parent,
  nextSibling: (node) => node.parent?.children[node.parent.children.indexOf(node) + 1] ?? null,
  patchProp: (node, name, _, value) => void (node.props[name] = value),
  remove,
  insert(node, parent, before) {
    remove(node);
    parent.children.splice(before ? parent.children.indexOf(before) : parent.children.length, 0, node);
    node.parent = parent;
  },
});

/** The page with that component, and the way to take it down. `prepare` gives it its plugins. */
export function mount(component: Component, props: Record<string, unknown>, prepare: (app: App<Node>) => void): { page: Node; unmount: () => void } {
  const page = new Node("#page");
  const app = createApp(component, props);
  prepare(app);
  app.mount(page);
  return { page, unmount: () => app.unmount() };
}
