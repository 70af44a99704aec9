// TypeScript types from the service's own documents: src/generated/*.json → src/generated/*.ts
import { readFileSync, writeFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";

const FOLDER = new URL("../src/generated/", import.meta.url);
const HEADER = "// Made by `npm run generate` from the document beside it. Do not edit.\n\n";

async function write(name, document) {
  const types = astToString(await openapiTS(document, { defaultNonNullable: false }));
  writeFileSync(new URL(`${name}.ts`, FOLDER), HEADER + types);
}

const read = (name) => JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), "utf8"));

await write("openapi", read("openapi"));

// An AsyncAPI document's schemas are those of OpenAPI: the same maker reads them.
const { info, components } = read("asyncapi");
await write("asyncapi", { openapi: "3.1.0", info, paths: {}, components: { schemas: components.schemas } });
