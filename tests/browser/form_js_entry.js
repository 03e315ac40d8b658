// form-js's own viewer in the test browser, to compare its validation and visibility with ours. Never part of the product.
import { Form, createForm } from '@bpmn-io/form-js';

window.FormJS = { Form, createForm };
