// node.mjs CALLS URL   makes the calls of the compiled `calls.ts` in Node.js

const [calls, url] = process.argv.slice(2);
const { run } = await import(calls);
console.log(`Node.js: ${await run(url)} checks`);
