// Uses the library through the types that openapi-typescript makes of its description. Prints what came back, as JSON.
// A line after @ts-expect-error must be refused by the compiler: so the types are as exact as the description.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

const client = createClient<paths>({ baseUrl: process.argv[2], headers: { Authorization: "Bearer reader-token" } });
const id = "3f2b8f5e-6a0a-4d35-9d7f-5d2f0a1c9b10";

const list = await client.GET("/api/books", { params: { query: { limit: 1, genre: "novel", sort: "title" } } });
const first: components["schemas"]["StoredBook"] = list.data!.items[0]!;
const total: number = list.data!.total;
const born: string | null = first.author.born; // always there in a response

const wrong = await client.GET("/api/books", { params: { query: { limit: 1000 } } });
const problem = wrong.error as components["schemas"]["InvalidFields"];

const added = await client.POST("/api/books", { body: { title: "Persuasion", author: { name: "Jane Austen" }, price: 9.5 } });
const shelf = await client.GET("/api/shelves/{shelf}/{room}", { params: { path: { shelf: 2, room: "hall" } } });
const missing = await client.GET("/api/books/{book}", { params: { path: { book: id.replace("3", "4") } } });
const rated = await client.POST("/api/books/{book}/reviews", { params: { path: { book: id } }, body: { stars: 5 } });
const lent = await client.POST("/api/loans", {
  body: { type: "lent", book: id, days: 3 },
  headers: { "X-API-Key": "partner-key" },
});
const removed = await client.DELETE("/api/books/{book}", {
  params: { path: { book: added.data!.id } },
  headers: { Authorization: `Basic ${btoa("ada:lovelace")}` },
});
const exported = await client.GET("/api/export", { parseAs: "text" });

// @ts-expect-error: the sort is one of two
client.GET("/api/books", { params: { query: { sort: "color" } } }).catch(() => {});
// @ts-expect-error: a book has a title
client.POST("/api/books", { body: { author: { name: "x" } } }).catch(() => {});
// @ts-expect-error: there is no such path
client.GET("/api/nothing").catch(() => {});

console.log(JSON.stringify({
  title: first.title, born, total,
  wrong: [wrong.response.status, problem.errors![0]!.name],
  added: [added.response.status, added.data!.price],
  shelf: shelf.data, missing: missing.response.status, stars: rated.data!.stars,
  lent: lent.data!.due, removed: removed.response.status, exported: exported.data,
}));
