// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

/// @title MockWallet
/// @notice A wallet with one key (ERC-1271) that can be told to answer wrongly.
contract MockWallet is IERC1271 {
    error Refused();

    enum Answer {
        Honest,
        Reverts,
        WrongMagic,
        DirtyMagic,
        TooShort,
        MegabyteOfZeros,
        MegabyteAfterMagic
    }

    address private immutable KEY;
    Answer public answer;

    constructor(address key) {
        KEY = key;
    }

    function setAnswer(Answer answer_) external {
        answer = answer_;
    }

    /// @notice Calls anything as the wallet.
    function execute(address target, bytes calldata data) external {
        Address.functionCall(target, data);
    }

    /// @inheritdoc IERC1271
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4 magic) {
        if (answer == Answer.Reverts) revert Refused();
        if (answer != Answer.Honest) _answerWrongly();
        (address signer, ECDSA.RecoverError failure, ) = ECDSA.tryRecoverCalldata(hash, signature);
        bool signed = failure == ECDSA.RecoverError.NoError && signer == KEY;
        return signed ? IERC1271.isValidSignature.selector : bytes4(0);
    }

    /// @dev Ends the call with the first word and the length that the answer stands for.
    function _answerWrongly() private view {
        bytes32 word = bytes32(IERC1271.isValidSignature.selector);
        uint256 length = answer == Answer.TooShort ? 31 : 32;
        if (answer == Answer.WrongMagic) word = bytes32(bytes4(0xffffffff));
        if (answer == Answer.DirtyMagic) word |= bytes32(uint256(1));
        if (answer == Answer.MegabyteOfZeros) word = 0;
        if (answer == Answer.MegabyteOfZeros || answer == Answer.MegabyteAfterMagic) length = 1 << 20;
        assembly ("memory-safe") {
            let begin := mload(0x40)
            mstore(begin, word)
            return(begin, length)
        }
    }
}
