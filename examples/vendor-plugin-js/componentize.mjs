// Makes a component of the modules of the plugin: `node componentize.mjs SOURCE WIT OUTPUT`.

import { writeFile } from 'node:fs/promises';
import { componentize } from '@bytecodealliance/componentize-js';

const [, , sourcePath, witPath, output] = process.argv;
// A transport serves nobody. The feature `http` has to stay, although `fetch` is of no use here (it would carry every byte
// through JavaScript, where `wasi:http` can splice): without it every call of `wasi:http` ends the instance.
const disableFeatures = ['fetch-event'];
const { component } = await componentize({ sourcePath, witPath, worldName: 'transport', disableFeatures });
await writeFile(output, component);
