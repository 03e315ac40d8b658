// The drawing tools an office may use on our files, for the test browser only: dmn-js, and bpmn-js with the Zeebe properties panel.
import BpmnModeler from 'bpmn-js/lib/Modeler';
import { BpmnPropertiesPanelModule, BpmnPropertiesProviderModule, ZeebePropertiesProviderModule } from 'bpmn-js-properties-panel';
import ZeebeBehaviorsModule from 'camunda-bpmn-js-behaviors/lib/camunda-cloud';
import DmnModeler from 'dmn-js/lib/Modeler';
import zeebe from 'zeebe-bpmn-moddle/resources/zeebe.json';

const page = () => {
  document.body.innerHTML = '<div id="canvas" style="width:1000px;height:800px"></div><div id="panel"></div>';
};
// form-js draws with Preact, and so does the panel: what is drawn is there after the next frame.
const drawn = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));

// Opens every element in the panel, renames one if asked to; returns the warnings, the groups the panel showed by element, what
// it called wrong, the names on the drawing, and the file as it would be saved.
async function diagram(xml, rename, name) {
  page();
  const modeler = new BpmnModeler({
    container: '#canvas',
    propertiesPanel: { parent: '#panel' },
    additionalModules: [BpmnPropertiesPanelModule, BpmnPropertiesProviderModule, ZeebePropertiesProviderModule, ZeebeBehaviorsModule],
    moddleExtensions: { zeebe },
  });
  const { warnings } = await modeler.importXML(xml);
  const registry = modeler.get('elementRegistry');
  if (rename) modeler.get('modeling').updateProperties(registry.get(rename), { name });
  const shown = {};
  const errors = [];
  const texts = [];
  const panel = document.querySelector('#panel');
  for (const element of registry.filter((one) => !one.labelTarget)) {
    modeler.get('selection').select(element);
    await drawn();
    shown[element.id] = [...panel.querySelectorAll('[data-group-id]')].map((group) => group.dataset.groupId);
    errors.push(...[...panel.querySelectorAll('.bio-properties-panel-error')].map((one) => `${element.id}: ${one.textContent}`));
    texts.push(element.businessObject.name ?? '');
  }
  const saved = await modeler.saveXML({ format: true });
  modeler.destroy();
  return { warnings: warnings.map((one) => one.message), shown, errors, texts, xml: saved.xml };
}

// Opens every view (the graph, each table, each expression), writes into the first cell of one if asked to; returns the warnings,
// what was drawn, and the file as it would be saved.
async function decisions(xml, table, text) {
  page();
  const modeler = new DmnModeler({ container: '#canvas' });
  const { warnings } = await modeler.importXML(xml); // opens the first view
  const views = [];
  for (const view of modeler.getViews()) {
    if (view !== modeler.getActiveView()) warnings.push(...(await modeler.open(view)).warnings);
    if (view.element.id === table) {
      const viewer = modeler.getActiveViewer();
      viewer.get('modeling').editCell(view.element.decisionLogic.rule[0].inputEntry[0], text);
    }
    await drawn();
    views.push({ type: view.type, element: view.element.id, drawn: document.querySelector('#canvas').textContent });
  }
  const saved = await modeler.saveXML({ format: true });
  modeler.destroy();
  return { warnings: warnings.map((one) => one.message), views, xml: saved.xml };
}

window.Modellers = { diagram, decisions };
