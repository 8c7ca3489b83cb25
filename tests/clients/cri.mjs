import {serve} from "./checks.mjs"; await serve();
