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

// Opens every element in the panel; returns the warnings, what the panel showed by element, and the file as it would be saved.
async function diagram(xml) {
  page();
  const modeler = new BpmnModeler({
    container: '#canvas',
    propertiesPanel: { parent: '#panel' },
    additionalModules: [BpmnPropertiesPanelModule, BpmnPropertiesProviderModule, ZeebePropertiesProviderModule, ZeebeBehaviorsModule],
    moddleExtensions: { zeebe },
  });
  const { warnings } = await modeler.importXML(xml);
  const shown = {};
  const panel = document.querySelector('#panel');
  for (const element of modeler.get('elementRegistry').filter((one) => !one.labelTarget)) {
    modeler.get('selection').select(element);
    await drawn();
    shown[element.id] = [...panel.querySelectorAll('[data-group-id]')].map((group) => group.dataset.groupId);
  }
  const saved = await modeler.saveXML({ format: true });
  modeler.destroy();
  return { warnings: warnings.map((one) => one.message), shown, xml: saved.xml };
}

// Opens every view (the graph, each table, each expression); returns the warnings, the views, and the file as it would be saved.
async function decisions(xml) {
  page();
  const modeler = new DmnModeler({ container: '#canvas' });
  const { warnings } = await modeler.importXML(xml);
  const views = [];
  for (const view of modeler.getViews()) {
    const opened = await modeler.open(view);
    warnings.push(...opened.warnings);
    await drawn();
    views.push({ type: view.type, element: view.element.id, drawn: document.querySelector('#canvas').textContent });
  }
  const saved = await modeler.saveXML({ format: true });
  modeler.destroy();
  return { warnings: warnings.map((one) => one.message), views, xml: saved.xml };
}

window.Modellers = { diagram, decisions };
