// Makes a component of the modules of the plugin: `node componentize.mjs SOURCE WIT OUTPUT`.

import { writeFile } from 'node:fs/promises';
import { componentize } from '@bytecodealliance/componentize-js';

const [, , sourcePath, witPath, output] = process.argv;
// `fetch` is of no use to a transport: it would carry every byte through JavaScript, where `wasi:http` can splice.
const disableFeatures = ['http', 'fetch-event'];
const { component } = await componentize({ sourcePath, witPath, worldName: 'transport', disableFeatures });
await writeFile(output, component);
