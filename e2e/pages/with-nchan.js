/** The package as the driver is to see it: its clients speak to Nchan. `options.nchan` is what `nchan()` is given. */
export const withNchan = (holdfast, { nchan }) => ({
  ...holdfast,
  createClient: (url, { nchan: given, ...options }) =>
    holdfast.createClient(url, { ...options, protocol: nchan(given) }),
});
