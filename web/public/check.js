/* Runs before anything else is loaded, in the oldest browsers too: a meeting needs what is asked for here. */
(function () {
  "use strict";
  var staff = /^\/(new|s\/.*)?$/.test(location.pathname);
  var speaks = "noModule" in document.createElement("script") && "fetch" in window;
  var meets = "RTCPeerConnection" in window && "WebSocket" in window && "AudioContext" in window;
  if (speaks && (staff || meets)) return;

  var texts = [
    ["sv", "Webbläsaren är för gammal för mötet", "Öppna länken i en ny version av Chrome, Edge, Firefox eller Safari."],
    ["en", "This browser is too old for the meeting", "Open the link in a new version of Chrome, Edge, Firefox or Safari."],
    ["ar", "هذا المتصفح قديم ولا يصلح للاجتماع", "افتحوا الرابط في إصدار جديد من Chrome أو Edge أو Firefox أو Safari."],
    ["fa", "این مرورگر برای جلسه کهنه است", "لینک را در نسخهٔ جدید Chrome، Edge، Firefox یا Safari باز کنید."],
    ["so", "Barowsarkani waa ka duug kulanka", "Ku fur linkiga nooc cusub oo ah Chrome, Edge, Firefox ama Safari."],
    ["ti", "እዚ ብራውዘር ንኣኼባ ኣረጊት እዩ", "ነቲ ሊንክ ኣብ ሓድሽ Chrome, Edge, Firefox ወይ Safari ክፈትዎ።"]
  ];

  // From here on the page runs no other script.
  var policy = document.createElement("meta");
  policy.httpEquiv = "Content-Security-Policy";
  policy.content = "script-src 'none'";
  document.getElementsByTagName("head")[0].appendChild(policy);

  var main = document.createElement("main");
  main.id = "old-browser";
  main.setAttribute("data-testid", "old-browser");
  main.style.cssText = "max-width:36em;margin:0 auto;padding:2em 1em;font-family:sans-serif;line-height:1.6;color:#16242c";
  for (var i = 0; i < texts.length; i += 1) {
    var part = document.createElement("section");
    part.lang = texts[i][0];
    part.dir = /^(ar|fa)$/.test(part.lang) ? "rtl" : "ltr";
    var heading = document.createElement(i === 0 ? "h1" : "h2");
    heading.appendChild(document.createTextNode(texts[i][1]));
    heading.style.cssText = "margin:1em 0 0;font-size:1.3em;line-height:1.3";
    var text = document.createElement("p");
    text.appendChild(document.createTextNode(texts[i][2]));
    text.style.cssText = "margin:.3em 0";
    part.appendChild(heading);
    part.appendChild(text);
    main.appendChild(part);
  }
  document.addEventListener("DOMContentLoaded", function () {
    document.body.appendChild(main);
  });
})();
