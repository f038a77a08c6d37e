// The layout comes without types; all we do with it is to register it.
declare module 'cytoscape-fcose' {
  const extension: import('cytoscape').Ext;
  export default extension;
}
